// Takes a thousand ids in Go, by cgo.
//
//	go build ids.go && ./ids orders
package main

// #cgo pkg-config: essequence
// #include <essequence/essequence.h>
// #include <stdlib.h>
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"
)

// Sequence may be used by any number of goroutines at once.
type Sequence struct{ handle *C.essequence_sequence }

// A failure's words belong to the thread: call does not leave it in between.
func call(f func() C.essequence_status) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if status := f(); status != C.ESSEQUENCE_OK {
		return fmt.Errorf("%s: %s", C.GoString(C.essequence_status_text(status)),
			C.GoString(C.essequence_last_error()))
	}
	return nil
}

// Open finds or creates the sequence; it and each take wait so long, no longer.
func Open(name string, timeout time.Duration) (*Sequence, error) {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	options := C.essequence_options{timeout_ns: C.int64_t(timeout.Nanoseconds())}
	options.size = C.size_t(unsafe.Sizeof(options))
	var sequence Sequence
	err := call(func() C.essequence_status {
		return C.essequence_open(text, &options, &sequence.handle)
	})
	return &sequence, err
}

func (s *Sequence) Next() (int64, error) {
	var id C.int64_t
	err := call(func() C.essequence_status { return C.essequence_next(s.handle, &id) })
	return int64(id), err
}

func (s *Sequence) Close() { C.essequence_close(s.handle) }

func run(name string) error {
	sequence, err := Open(name, 2*time.Second)
	if err != nil {
		return err
	}
	defer sequence.Close()
	for i := 0; i < 1000; i++ {
		id, err := sequence.Next()
		if err != nil {
			return err
		}
		fmt.Println(id)
	}
	return nil
}

func main() {
	name := "orders"
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	if err := run(name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
