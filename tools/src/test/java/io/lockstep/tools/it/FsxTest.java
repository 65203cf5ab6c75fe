package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.fs.fuse.Posix;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import jnr.ffi.Pointer;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** {@link Fsx} agrees with the machine's own filesystem, and sees each call that goes wrong. */
class FsxTest {
  private static final int STEPS = 2_000;

  @TempDir private Path directory;

  private Fsx fsx(FsxCalls calls, Path at) {
    return new Fsx(List.of(at.toString(), at.toString()), 5, false, calls);
  }

  @Test
  void localFilesystemIsAsExpected() throws Exception {
    Fsx fsx = fsx(new FsxCalls(), directory);
    fsx.run(STEPS);
    assertThat(fsx.done()).containsOnlyKeys(Fsx.Step.values());
  }

  /** Each gets something wrong now and then. */
  private static Map<String, FsxCalls> mutants() {
    return Map.of(
        "a write loses its last byte",
        new FsxCalls() {
          private int calls;

          @Override
          void write(int fd, byte[] bytes, long offset) throws Posix.Failed {
            boolean wrong = bytes.length > 1 && ++calls % 20 == 0;
            super.write(fd, wrong ? Arrays.copyOf(bytes, bytes.length - 1) : bytes, offset);
          }
        },
        "an append goes to where the end was",
        new FsxCalls() {
          private int calls;

          @Override
          void append(int fd, byte[] bytes) throws Posix.Failed {
            super.append(fd, bytes);
            if (++calls % 20 == 0) {
              super.truncate(fd, Posix.fstat(fd).size() - 1);
            }
          }
        },
        "what was cut comes back",
        new FsxCalls() {
          @Override
          void truncate(int fd, long size) throws Posix.Failed {
            long before = Posix.fstat(fd).size();
            super.truncate(fd, size);
            if (size > 0 && before > size) {
              super.truncate(fd, before);
            }
          }
        },
        "a hole is not punched",
        new FsxCalls() {
          @Override
          void allocate(int fd, int mode, long offset, long length) throws Posix.Failed {
            if ((mode & Posix.FALLOC_PUNCH_HOLE) == 0) {
              super.allocate(fd, mode, offset, length);
            }
          }
        },
        "a store is lost",
        new FsxCalls() {
          @Override
          void store(Pointer mapped, int offset, byte[] bytes) {}
        },
        "a page that is read is empty",
        new FsxCalls() {
          private int calls;

          @Override
          byte[] read(int fd, int length, long offset) throws Posix.Failed {
            byte[] bytes = super.read(fd, length, offset);
            if (++calls % 20 == 0) {
              Arrays.fill(bytes, 0, Math.min(4096, bytes.length), (byte) 0);
            }
            return bytes;
          }
        },
        "a link is a copy",
        new FsxCalls() {
          @Override
          void link(String from, String to) throws Posix.Failed {
            int fd = Posix.open(to, Posix.O_RDWR | Posix.O_CREAT);
            int source = Posix.open(from, Posix.O_RDONLY);
            super.write(fd, super.read(source, 1 << 20, 0), 0);
            Posix.check("close", Posix.C.close(fd));
            Posix.check("close", Posix.C.close(source));
          }
        },
        "a rename does nothing",
        new FsxCalls() {
          @Override
          void rename(String from, String to) {}
        },
        "an unlink does nothing",
        new FsxCalls() {
          @Override
          void unlink(String name) {}
        });
  }

  @TestFactory
  List<DynamicTest> everyMutantIsSeen() {
    return mutants().entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .map(
            mutant ->
                DynamicTest.dynamicTest(
                    mutant.getKey(),
                    () -> {
                      Path at = directory.resolve(mutant.getKey().replace(' ', '-'));
                      java.nio.file.Files.createDirectories(at);
                      Fsx fsx = fsx(mutant.getValue(), at);
                      assertThatThrownBy(() -> fsx.run(STEPS))
                          .isInstanceOfAny(Fsx.Differs.class, Posix.Failed.class);
                      assertThat(fsx.trace()).isNotEmpty();
                    }))
        .toList();
  }
}
