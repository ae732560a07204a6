// Takes a thousand ids in Java, on any version, by the library JNA (Debian: libjna-java).
//
//   java -cp /usr/share/java/jna.jar IdsByJna.java orders
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.time.Duration;

public class IdsByJna {
  /** What essequence.h declares, as far as it is used here. */
  public interface Essequence extends Library {
    Essequence LIBRARY = Native.load("libessequence.so.1", Essequence.class);

    @Structure.FieldOrder({"size", "runtime_dir", "timeout_ns", "bulk_size"})
    class Options extends Structure {
      public long size;
      public String runtime_dir;
      public long timeout_ns;
      public long bulk_size;
    }

    int essequence_open(String name, Options options, PointerByReference sequence);
    int essequence_next(Pointer sequence, LongByReference id);
    void essequence_close(Pointer sequence);
    String essequence_status_text(int status);
    String essequence_last_error();
  }

  /** Any number of threads may use it at once, except that close needs it for itself. */
  static final class Sequence implements AutoCloseable {
    private final Pointer handle;

    /** Finds or creates it; this and each take wait for the timeout, no longer. */
    Sequence(String name, Duration timeout) {
      Essequence.Options options = new Essequence.Options();
      options.size = options.size();
      options.timeout_ns = timeout.toNanos();
      PointerByReference out = new PointerByReference();
      check(Essequence.LIBRARY.essequence_open(name, options, out));
      handle = out.getValue();
    }

    long next() {
      LongByReference id = new LongByReference();
      check(Essequence.LIBRARY.essequence_next(handle, id));
      return id.getValue();
    }

    @Override
    public void close() {
      Essequence.LIBRARY.essequence_close(handle);
    }

    // From the same thread as the call that failed: the words are its own.
    private static void check(int status) {
      if (status != 0) {
        throw new IllegalStateException(Essequence.LIBRARY.essequence_status_text(status) + ": "
            + Essequence.LIBRARY.essequence_last_error());
      }
    }
  }

  public static void main(String[] arguments) {
    System.setProperty("jna.encoding", "UTF-8");  // of names and words
    String name = arguments.length > 0 ? arguments[0] : "orders";
    try (Sequence sequence = new Sequence(name, Duration.ofSeconds(2))) {
      for (int i = 0; i < 1000; ++i) System.out.println(sequence.next());
    } catch (IllegalStateException failure) {
      System.err.println(failure.getMessage());
      System.exit(1);
    }
  }
}
