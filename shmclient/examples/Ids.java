// Takes a thousand ids in Java 22 and later, by its own foreign functions.
//
//   java --enable-native-access=ALL-UNNAMED Ids.java orders
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.time.Duration;

public class Ids {
  /** Any number of threads may use it at once, except that close needs it for itself. */
  static final class Sequence implements AutoCloseable {
    private static final SymbolLookup LIBRARY =
        SymbolLookup.libraryLookup("libessequence.so.1", Arena.global());
    private static final MethodHandle OPEN =
        function("open", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle NEXT =
        function("next", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));
    private static final MethodHandle CLOSE =
        function("close", FunctionDescriptor.ofVoid(ADDRESS));
    private static final MethodHandle STATUS_TEXT =
        function("status_text", FunctionDescriptor.of(ADDRESS, JAVA_INT));
    private static final MethodHandle LAST_ERROR =
        function("last_error", FunctionDescriptor.of(ADDRESS));
    // size, runtime_dir, timeout_ns, bulk_size
    private static final MemoryLayout OPTIONS =
        MemoryLayout.structLayout(JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG);

    private final MemorySegment handle;

    /** Finds or creates it; this and each take wait for the timeout, no longer. */
    Sequence(String name, Duration timeout) throws Throwable {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment options = arena.allocate(OPTIONS);  // of zeros
        options.set(JAVA_LONG, 0, OPTIONS.byteSize());
        options.set(JAVA_LONG, 16, timeout.toNanos());
        MemorySegment out = arena.allocate(ADDRESS);
        check((int) OPEN.invokeExact(arena.allocateFrom(name), options, out));
        handle = out.get(ADDRESS, 0);
      }
    }

    long next() throws Throwable {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment id = arena.allocate(JAVA_LONG);
        check((int) NEXT.invokeExact(handle, id));
        return id.get(JAVA_LONG, 0);
      }
    }

    @Override
    public void close() throws Exception {
      try {
        CLOSE.invokeExact(handle);
      } catch (Throwable failure) {
        throw new Exception(failure);
      }
    }

    // From the same thread as the call that failed: the words are its own.
    private static void check(int status) throws Throwable {
      if (status != 0) {
        throw new IllegalStateException(text((MemorySegment) STATUS_TEXT.invokeExact(status)) + ": "
            + text((MemorySegment) LAST_ERROR.invokeExact()));
      }
    }

    private static String text(MemorySegment pointer) {
      return pointer.reinterpret(Long.MAX_VALUE).getString(0);
    }

    private static MethodHandle function(String name, FunctionDescriptor descriptor) {
      return Linker.nativeLinker().downcallHandle(
          LIBRARY.find("essequence_" + name).orElseThrow(), descriptor);
    }
  }

  public static void main(String[] arguments) throws Throwable {
    String name = arguments.length > 0 ? arguments[0] : "orders";
    try (Sequence sequence = new Sequence(name, Duration.ofSeconds(2))) {
      for (int i = 0; i < 1000; ++i) System.out.println(sequence.next());
    } catch (IllegalStateException failure) {
      System.err.println(failure.getMessage());
      System.exit(1);
    }
  }
}
