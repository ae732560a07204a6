// Takes a thousand ids in Rust.
//
//   rustc ids.rs $(pkg-config --libs-only-L essequence) && ./ids orders
use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int};
use std::time::Duration;

/// What essequence.h declares, as far as it is used here.
mod c {
    use super::*;

    #[repr(C)]
    pub struct Sequence {
        _private: [u8; 0],
    }

    #[repr(C)]
    pub struct Options {
        pub size: usize,
        pub runtime_dir: *const c_char,
        pub timeout_ns: i64,
        pub bulk_size: u64,
    }

    #[link(name = "essequence")]
    extern "C" {
        pub fn essequence_open(
            name: *const c_char,
            options: *const Options,
            sequence: *mut *mut Sequence,
        ) -> c_int;
        pub fn essequence_next(sequence: *mut Sequence, id: *mut i64) -> c_int;
        pub fn essequence_close(sequence: *mut Sequence);
        pub fn essequence_status_text(status: c_int) -> *const c_char;
        pub fn essequence_last_error() -> *const c_char;
    }
}

fn check(status: c_int) -> Result<(), String> {
    if status == 0 {
        return Ok(());
    }
    let text = |pointer| unsafe { CStr::from_ptr(pointer) }.to_string_lossy();
    let status = text(unsafe { c::essequence_status_text(status) });
    let words = text(unsafe { c::essequence_last_error() });
    Err(format!("{status}: {words}"))
}

pub struct Sequence(*mut c::Sequence);

// Any number of threads may use it at once.
unsafe impl Send for Sequence {}
unsafe impl Sync for Sequence {}

impl Sequence {
    /// Finds or creates it; this and each take wait for `timeout`, no longer.
    pub fn open(name: &str, timeout: Duration) -> Result<Self, String> {
        let name = CString::new(name).map_err(|error| error.to_string())?;
        let options = c::Options {
            size: std::mem::size_of::<c::Options>(),
            runtime_dir: std::ptr::null(),
            timeout_ns: timeout.as_nanos() as i64,
            bulk_size: 0,
        };
        let mut sequence = std::ptr::null_mut();
        check(unsafe { c::essequence_open(name.as_ptr(), &options, &mut sequence) })?;
        Ok(Sequence(sequence))
    }

    pub fn next(&self) -> Result<i64, String> {
        let mut id = 0;
        check(unsafe { c::essequence_next(self.0, &mut id) })?;
        Ok(id)
    }
}

impl Drop for Sequence {
    fn drop(&mut self) {
        unsafe { c::essequence_close(self.0) }
    }
}

fn run(name: &str) -> Result<(), String> {
    let sequence = Sequence::open(name, Duration::from_secs(2))?;
    for _ in 0..1000 {
        println!("{}", sequence.next()?);
    }
    Ok(())
}

fn main() {
    let name = std::env::args().nth(1).unwrap_or("orders".into());
    if let Err(words) = run(&name) {
        eprintln!("{words}");
        std::process::exit(1);
    }
}
