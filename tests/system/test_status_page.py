"""The status page: what it is served with, what it asks, and (ESSEQUENCE_TEST_FULL=1) how it looks
and behaves in a real Chromium, driven by Playwright.

ESSEQUENCE_TEST_SCREENSHOTS: a directory for light.png, dark.png and phone.png.
"""

import http.client
import importlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

from elasticsearch_node import free_port
from instance import Instance, eventually
from test_ticket_counter import set_counter

FULL = os.environ.get("ESSEQUENCE_TEST_FULL") == "1"
SCREENSHOTS = os.environ.get("ESSEQUENCE_TEST_SCREENSHOTS")
HOSTILE = ["<img src=x onerror=\"document.title='broken in'\">", "<script>window.brokenIn = 1<script>",
           "\"'`><b onclick=alert(1)>&lt;b&gt;", "\u202eemosdnah\u2066", "a" * 255, "{{7*7}} ${7*7} %s"]


def listening(case, *source, **config):
    """An instance with a status page; its address is in `url`."""
    port = free_port()
    host = Instance(case, *source, config={"": {"listen": f"127.0.0.1:{port}"}, **config}).start()
    host.port, host.url = port, f"http://127.0.0.1:{port}/"
    return host


def get(host, target):
    """(status, headers, body) by the address."""
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=30)
    try:
        connection.request("GET", target)
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read().decode()
    finally:
        connection.close()


def overview(host, **parameters):
    status, _, body = get(host, "/v1/overview?" + urllib.parse.urlencode(parameters))
    assert status == 200, body
    return json.loads(body)["overview"]


def fence_first(host):
    """The first sequence, by a counter that fell."""
    set_counter(host, lambda counter, _: counter - 20)


class Served(unittest.TestCase):
    def test_the_page_is_one_document_with_a_policy_that_binds_it(self):
        host = listening(self)
        status, headers, page = get(host, "/")
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("text/html"))
        policy = headers["Content-Security-Policy"]
        nonce, = set(re.findall(r"'nonce-([0-9a-f]{32})'", policy))
        self.assertEqual(set(re.findall(r"<(?:script|style)\b[^>]*>", page)),
                         {f'<script nonce="{nonce}">', f'<style nonce="{nonce}">'})
        self.assertNotIn("unsafe", policy)
        for rule in ("default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'",
                     "base-uri 'none'", "form-action 'none'"):
            self.assertIn(rule, policy)
        self.assertNotRegex(page, r"\son\w+\s*=|\sstyle=|innerHTML|document\.write|eval\(")
        self.assertNotIn("page.js */", page)
        elsewhere = set(re.findall(r"https?://[^\s'\"]+", page)) - {"http://www.w3.org/2000/svg"}
        self.assertEqual(elsewhere, set())
        self.assertNotIn(nonce, get(host, "/")[1]["Content-Security-Policy"])  # a new one each time

    def test_overview_shows_what_matters_first_and_what_is_asked_for(self):
        host = listening(self)
        for name in ["legacy", "Orders", "invoices", "users"]:
            host.next(name, 30)
        eventually(self, lambda: all(one["state"] == "ready" for one in host.expect(
            200, "GET", "/v1/sequences")["sequences"]))
        fence_first(host)
        eventually(self, lambda: overview(host)["states"]["fenced"] == 1)
        shown = overview(host)
        first = shown["sequences"][0]
        self.assertEqual((first["name"], first["state"]), ("legacy", "fenced"))
        for parameters in ({}, {"filter": "users"}, {"sort": "-urgency", "limit": 1}):  # always told
            fence, = overview(host, **parameters)["fenced"]
            self.assertEqual((fence["name"], fence["command"]), (
                "legacy", f"essequencectl unfence legacy --above {host.show('legacy')['high_water']}"))
        self.assertEqual(shown["matching"], 4)

        def names(**parameters):
            return [one["name"] for one in overview(host, **parameters)["sequences"]]

        self.assertEqual(names(filter="ORD"), ["Orders"])
        self.assertEqual(names(sort="name"), ["Orders", "invoices", "legacy", "users"])
        self.assertEqual(names(sort="-name", limit=2), ["users", "legacy"])
        orders = overview(host, filter="Orders")["sequences"][0]
        self.assertEqual(orders["next_id"], "31")  # a string: exact in a browser too
        self.assertGreater(orders["refill_seconds"], 0)
        eventually(self, lambda: sum(overview(host, filter="Orders")["sequences"][0]["taken"]) == 30)
        eventually(self, lambda: sum(overview(host)["history"]["taken"]) == 120)
        self.assertGreaterEqual(sum(overview(host)["history"]["refills"]), 4)
        for bad in ("limit=0", "limit=501", "limit=x", "sort=colour", "sort=", "colour=red"):
            self.assertEqual(get(host, "/v1/overview?" + bad)[0], 400, bad)


def playwright():
    """Its module; from PyPI, where it is not here."""
    try:
        return importlib.import_module("playwright.sync_api")
    except ImportError:
        directory = tempfile.TemporaryDirectory(prefix="essequence-playwright.")
        unittest.addModuleCleanup(directory.cleanup)
        subprocess.run([sys.executable, "-m", "venv", directory.name], check=True)
        subprocess.run([f"{directory.name}/bin/pip", "install", "--quiet", "playwright"], check=True)
        sys.path.append(str(next(pathlib.Path(directory.name).glob("lib/*/site-packages"))))
        return importlib.import_module("playwright.sync_api")


@unittest.skipUnless(FULL, "a browser is for --full")
class InChromium(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        chromium = shutil.which("chromium")
        if chromium is None:
            raise unittest.SkipTest("no chromium here")
        driver = playwright().sync_playwright().start()
        cls.addClassCleanup(driver.stop)
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        cls.browser = driver.chromium.launch(executable_path=chromium, args=arguments)
        cls.addClassCleanup(cls.browser.close)

    def open(self, host, width=1280, height=900, **options):
        """The page. What it asks, says and breaks is in page.asked and page.said."""
        context = self.browser.new_context(viewport={"width": width, "height": height}, **options)
        self.addCleanup(context.close)
        page = context.new_page()
        page.asked, page.said = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("dialog", lambda dialog: page.said.append("a dialog") or dialog.dismiss())
        page.goto(host.url)
        self.until(page, "document.querySelector('#live-words').textContent === 'live'")
        return page

    def until(self, page, true, seconds=30):
        """Not wait_for_function, which the page's policy does not let evaluate strings."""
        def holds():
            page.wait_for_timeout(50)
            return page.evaluate(true)

        eventually(self, holds, seconds, true)

    def check(self, page, host):
        """Nothing left the origin, nothing was forbidden, nothing broke."""
        for url in page.asked:
            self.assertTrue(url.startswith((host.url, "data:")), url)
        self.assertEqual(page.said, [])

    def assert_fits(self, page):
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        self.assertLessEqual(wide, 0, "it scrolls sideways")

    def texts(self, page, selector):
        return page.locator(selector).all_text_contents()

    def test_live_numbers_and_history(self):
        host = listening(self)
        host.taker("orders", seconds=600, rate=500)
        page = self.open(host)
        self.until(page, "document.querySelector('td.rate') && "
                               "/^[0-9]/.test(document.querySelector('td.rate').textContent)")
        first = page.locator("td.next").first.text_content()
        self.until(page, f"document.querySelector('td.next').textContent !== '{first}'")
        self.until(page, "document.querySelector('td.past path.line').getAttribute('d').length > 10", 60)
        self.assertRegex(page.locator("td.refill").first.text_content(), r"^[0-9.]+ (µs|ms|s)$")
        scale = page.locator("td.cover .meter span").first.evaluate("bar => bar.style.transform")
        self.assertRegex(scale, r"^scaleX\((1|0\.[0-9]*[1-9][0-9]*)")
        self.assertEqual(page.locator("#journal").text_content(), "healthy · journal healthy")
        again = self.open(host)  # what was before it was opened is there
        self.assertGreater(again.evaluate(
            "document.querySelector('td.past path.line').getAttribute('d').length"), 10)
        self.check(page, host)

    def test_a_restart_is_survived_and_told(self):
        host = listening(self)
        host.next("orders", 3)
        page = self.open(host)
        host.kill()
        page.wait_for_selector("#unreachable:not([hidden])", timeout=20_000)
        self.assertIn("Unreachable since", page.locator("#unreachable-since").text_content())
        self.assertEqual(self.texts(page, "#rows .name"), ["orders"])  # still to be read
        host.start()
        page.wait_for_selector("#unreachable", state="hidden", timeout=20_000)
        self.assertIn("restarted", page.locator("#live-words").text_content())

    def test_a_source_that_is_ill(self):
        host = listening(self, "http://127.0.0.1:9", "essequence")
        page = self.open(host)
        page.wait_for_selector("#ailing:not([hidden])")
        self.until(page, "document.querySelector('#ailing-why').textContent.includes('127.0.0.1:9')")
        self.assertEqual(page.locator("#journal").text_content(), "unhealthy · journal healthy")
        self.assertIn("(!)", page.title())
        self.check(page, host)

    def test_a_fence_with_its_command(self):
        host = listening(self)
        host.next("le gacy's", 130)
        eventually(self, lambda: host.show("le gacy's")["state"] == "ready")
        page = self.open(host)
        fence_first(host)
        page.wait_for_selector("#fences:not([hidden])")
        command = page.locator("#fence-list code").text_content()
        self.assertRegex(command, r"^essequencectl unfence 'le gacy'\\''s' --above \d+$")
        page.get_by_role("button", name="Copy the command").click()
        self.until(page, "/Copied|Selected/.test(document.querySelector('.typed button').textContent)")
        self.assertIn("(!)", page.title())
        page.fill("#filter", "another name")
        page.wait_for_selector("#none:not([hidden])")
        self.assertEqual(page.locator("#fence-list code").text_content(), command)
        self.check(page, host)

    def test_hostile_names_stay_text(self):
        host = listening(self)
        for name in HOSTILE:
            host.open(name)
        for width in (1280, 360):
            page = self.open(host, width)
            page.wait_for_selector("#rows tr")
            self.assertEqual(sorted(self.texts(page, "#rows .name")), sorted(HOSTILE))
            page.fill("#filter", HOSTILE[0])
            self.until(page, "document.querySelectorAll('#rows tr').length === 1")
            self.assertEqual(page.locator("#rows img, #rows script, #rows b").count(), 0)
            self.assertEqual(page.evaluate("[document.title, window.brokenIn]"), ["Essequence", None])
            self.assert_fits(page)
            self.check(page, host)

    def test_by_keyboard(self):
        host = listening(self)
        for name in ("alpha", "beta", "gamma"):
            host.next(name, 1)
        page = self.open(host)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # to the sequences, past what is above them
        page.keyboard.press("Tab")
        page.keyboard.type("et")
        self.until(page, "document.querySelectorAll('#rows tr').length === 1")
        page.keyboard.press("Escape")
        self.until(page, "document.querySelectorAll('#rows tr').length === 3")
        page.keyboard.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.dataset.sort"), "name")
        self.assertEqual(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "solid")
        for pressed, order, first in (("Enter", "ascending", "alpha"), ("Space", "descending", "gamma")):
            page.keyboard.press(pressed)
            self.until(page, f"document.querySelector('#rows .name').textContent === '{first}'")
            self.assertEqual(page.get_attribute("th.name", "aria-sort"), order)
        self.check(page, host)

    def test_it_fits_each_width_and_follows_light_and_dark(self):
        host = self.busy()
        grounds = {}
        for name, width, options in (("light", 1280, {"color_scheme": "light"}),
                                     ("dark", 1280, {"color_scheme": "dark"}),
                                     ("phone", 360, {"color_scheme": "light"}),
                                     ("tablet", 768, {"color_scheme": "dark"})):
            page = self.open(host, width, 800, device_scale_factor=2, **options)
            page.wait_for_selector("#rows tr")
            self.assert_fits(page)
            grounds[name] = page.evaluate("getComputedStyle(document.body).backgroundColor")
            if SCREENSHOTS:
                page.screenshot(path=f"{SCREENSHOTS}/{name}.png", full_page=True)
            self.check(page, host)
        self.assertNotEqual(grounds["light"], grounds["dark"])

    def busy(self):
        host = listening(self)
        host.next("legacy-import", 130)
        eventually(self, lambda: host.show("legacy-import")["state"] == "ready")
        for name, rate in (("orders", 1200), ("invoices", 300), ("users", 45), ("events", 20000)):
            host.taker(name, seconds=600, rate=rate)
        for name in ("shipments", "returns-2026", "customers", "tickets"):
            host.next(name, 20)
        host.open("ledger", order="cluster")
        fence_first(host)
        time.sleep(60 if SCREENSHOTS else 0)  # to have something to look at
        return host

    def test_ten_thousand_sequences(self):
        host = listening(self, control={"max_sequences": 20_000})
        for number in range(10_000):
            host.open(f"sequence-{number:05}")
        page = self.open(host)
        self.until(page, "document.querySelectorAll('#rows tr').length === 100")
        self.assertIn("100 of 10,000", page.locator("#shown").text_content())
        page.get_by_role("button", name="Show more").click()
        self.until(page, "document.querySelectorAll('#rows tr').length === 500")
        page.fill("#filter", "09999")
        self.until(page, "document.querySelectorAll('#rows tr').length === 1")
        self.assertLess(len(get(host, "/v1/overview?limit=100")[2]), 100_000)
        self.check(page, host)


if __name__ == "__main__":
    unittest.main()
