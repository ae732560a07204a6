"""A compiled function as a graph of instructions, from objdump: what lies on its shortest way."""

import collections
import re
import subprocess

Instruction = collections.namedtuple("Instruction", "address text")


def disassembled(program, function):
    """Its instructions, in order."""
    ended = subprocess.run(["objdump", "--disassemble=" + function, "--no-show-raw-insn", program],
                           check=True, capture_output=True, text=True)
    found = re.findall(r"^\s+([0-9a-f]+):\t(.+?)\s*(?:#.*)?$", ended.stdout, re.MULTILINE)
    return [Instruction(int(address, 16), text) for address, text in found]


def is_call(instruction):
    return re.match(r"(notrack )?(bnd )?call", instruction.text) is not None


def is_branch(instruction):
    """Whether it may jump, or not."""
    return re.match(r"j(?!mp)", instruction.text) is not None


def _successors(code, place):
    text = code[place].text
    target = re.match(r"(?:bnd )?j\w+\s+([0-9a-f]+) ", text)
    where = {instruction.address: number for number, instruction in enumerate(code)}
    if re.match(r"(repz )?ret|ud2|hlt", text):
        return []
    onward = [] if text.startswith(("jmp", "bnd jmp")) else [place + 1]
    jump = [where[int(target[1], 16)]] if target and int(target[1], 16) in where else []
    return [number for number in onward + jump if number < len(code)]


def shortest_way(code):
    """The instructions from the entry to the nearest return that is reached without a call; None
    where there is none."""
    before = {0: None}
    queue = collections.deque([0])
    while queue:
        place = queue.popleft()
        if re.match(r"(repz )?ret", code[place].text):
            way = []
            while place is not None:
                way.append(code[place])
                place = before[place]
            return way[::-1]
        if is_call(code[place]):
            continue
        for follower in _successors(code, place):
            if follower not in before:
                before[follower] = place
                queue.append(follower)
    return None
