package io.lockstep.fs.fuse;

import static io.lockstep.fs.fuse.Posix.C;
import static io.lockstep.fs.fuse.Posix.check;
import static io.lockstep.fs.fuse.Posix.path;
import static io.lockstep.fs.fuse.Posix.stat;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.fs.fuse.Posix.Failed;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import jnr.ffi.Pointer;
import org.junit.jupiter.api.Test;

/** What applications see of names and bytes on a real mount, through the kernel and back. */
class FuseMountIT extends MountedCase {
  // ---- names

  @Test
  void everyByteButSlashAndZeroSurvivesInAName() throws Exception {
    List<byte[]> names = new ArrayList<>();
    for (int b = 1; b < 256; b++) {
      if (b != '/') {
        names.add(new byte[] {'n', (byte) b});
      }
    }
    names.add(new byte[] {'N', (byte) 0xff, (byte) 0xfe});
    names.add(new byte[] {'N', (byte) 0xfe, (byte) 0xff});
    names.add("N\u00e9".getBytes(UTF_8));
    for (byte[] name : names) {
      int fd = C.open(Posix.in(dir, name), Posix.O_CREAT | Posix.O_EXCL | Posix.O_RDWR, 0600);
      close(check("create " + Arrays.toString(name), fd));
    }
    Set<String> listed = new HashSet<>();
    for (byte[] name : Posix.list(dir)) {
      listed.add(Arrays.toString(name));
    }
    for (byte[] name : names) {
      assertThat(listed).contains(Arrays.toString(name));
      assertThat(stat(Posix.in(dir, name)).size()).isZero();
    }
    assertThat(listed).hasSize(names.size() + 2);
  }

  @Test
  void namesEndAt255Bytes() throws Exception {
    makeClosed("x".repeat(255));
    assertThat(stat(in("x".repeat(255))).nlink()).isEqualTo(1);
    assertThat(errnoOf(() -> make("x".repeat(256)))).isEqualTo(Posix.ENAMETOOLONG);
    assertThat(errnoOf(() -> stat(in("x".repeat(256))))).isEqualTo(Posix.ENAMETOOLONG);
    assertThat(errnoOf(() -> stat(in("d/".repeat(2100))))).isEqualTo(Posix.ENAMETOOLONG);
  }

  @Test
  void symlinksResolveAndLoopsAreRefused() throws Exception {
    makeClosed("file");
    check("symlink", C.symlink(path("file"), path(in("good"))));
    check("symlink", C.symlink(path("b"), path(in("a"))));
    check("symlink", C.symlink(path("a"), path(in("b"))));
    byte[] raw = {(byte) 0xff, 'x', (byte) 0x80};
    check("symlink", C.symlink(path(raw), path(in("raw"))));
    byte[] target = new byte[10];
    assertThat(C.readlink(path(in("raw")), target, 10)).isEqualTo(3);
    assertThat(Arrays.copyOf(target, 3)).isEqualTo(raw);
    assertThat(stat(in("good")).ino()).isEqualTo(stat(in("file")).ino());
    assertThat(Posix.lstat(in("good")).size()).isEqualTo(4);
    assertThat(errnoOf(() -> stat(in("a")))).isEqualTo(Posix.ELOOP);
  }

  // ---- links and open files

  @Test
  void hardLinksAreOneInodeAndAlwaysFresh() throws Exception {
    int fd = make("a");
    check("link", C.link(path(in("a")), path(in("b"))));
    check("link", C.link(path(in("a")), path(in("c"))));
    assertThat(stat(in("b")).nlink()).isEqualTo(3);
    assertThat(stat(in("b")).ino()).isEqualTo(stat(in("a")).ino());
    Posix.pwrite(fd, "hello".getBytes(UTF_8), 0);
    assertThat(stat(in("c")).size()).isEqualTo(5);
    check("chmod", C.chmod(path(in("b")), 0600));
    assertThat(stat(in("c")).mode() & 07777).isEqualTo(0600);
    check("unlink", C.unlink(path(in("b"))));
    assertThat(stat(in("a")).nlink()).isEqualTo(2);
    assertThat(Posix.fstat(fd).nlink()).isEqualTo(2);
    close(fd);
  }

  @Test
  void hardLinksShareTheirMappedPages() throws Exception {
    int fd = make("a");
    Posix.pwrite(fd, new byte[8192], 0);
    check("link", C.link(path(in("a")), path(in("b"))));
    int other = Posix.open(in("b"), Posix.O_RDWR);
    Pointer mapped = Posix.mmap(fd, 8192, Posix.MAP_SHARED);
    mapped.getByte(5000);
    Posix.pwrite(other, "through the other name".getBytes(UTF_8), 5000);
    assertThat((char) mapped.getByte(5000)).isEqualTo('t');
    check("munmap", C.munmap(mapped, 8192));
    close(fd);
    close(other);
  }

  @Test
  void unlinkedOpenFileKeepsWorkingByItsDescriptor() throws Exception {
    int fd = make("f");
    Posix.pwrite(fd, "before".getBytes(UTF_8), 0);
    check("unlink", C.unlink(path(in("f"))));
    assertThat(errnoOf(() -> stat(in("f")))).isEqualTo(Posix.ENOENT);
    assertThat(Posix.fstat(fd).nlink()).isZero();
    assertThat(Posix.fstat(fd).size()).isEqualTo(6);
    Posix.pwrite(fd, "after".getBytes(UTF_8), 6);
    assertThat(new String(Posix.pread(fd, 100, 0), UTF_8)).isEqualTo("beforeafter");
    check("ftruncate", C.ftruncate(fd, 3));
    assertThat(Posix.fstat(fd).size()).isEqualTo(3);
    check("fchmod", C.fchmod(fd, 0400));
    assertThat(Posix.fstat(fd).mode() & 07777).isEqualTo(0400);
    check("futimens", C.futimens(fd, Posix.times(1, 2, 3, 4)));
    assertThat(Posix.fstat(fd).mtimeNs()).isEqualTo(3_000_000_004L);
    check("fsync", C.fsync(fd));
    close(fd);
  }

  @Test
  void temporaryFileWorksWithoutEverBeingSeen() throws Exception {
    int fd = make("f");
    check("unlink", C.unlink(path(in("f"))));
    assertThat(Posix.fstat(fd).size()).isZero();
    makeClosed("f");
    assertThat(stat(in("f")).ino()).isNotEqualTo(Posix.fstat(fd).ino());
    close(fd);
  }

  @Test
  void overwrittenOpenFileKeepsItsBytes() throws Exception {
    int old = make("f");
    Posix.pwrite(old, "old".getBytes(UTF_8), 0);
    int young = make("g");
    Posix.pwrite(young, "young".getBytes(UTF_8), 0);
    check("rename", C.rename(path(in("g")), path(in("f"))));
    assertThat(new String(Posix.pread(old, 100, 0), UTF_8)).isEqualTo("old");
    assertThat(Posix.fstat(old).nlink()).isZero();
    int again = Posix.open(in("f"), Posix.O_RDONLY);
    assertThat(new String(Posix.pread(again, 100, 0), UTF_8)).isEqualTo("young");
    close(old);
    close(young);
    close(again);
  }

  @Test
  void directoryThatIsRenamedStaysTheSameForThoseInside() throws Exception {
    check("mkdir", C.mkdir(path(in("d")), 0755));
    int fd = make("d/f");
    check("rename", C.rename(path(in("d")), path(in("e"))));
    Posix.pwrite(fd, "x".getBytes(UTF_8), 0);
    assertThat(stat(in("e/f")).size()).isEqualTo(1);
    assertThat(errnoOf(() -> stat(in("d/f")))).isEqualTo(Posix.ENOENT);
    close(fd);
  }

  // ---- sizes and bytes

  @Test
  void truncateCutsAndExtendsWithZeros() throws Exception {
    int fd = make("f");
    Posix.pwrite(fd, "0123456789".getBytes(UTF_8), 0);
    check("truncate", C.truncate(path(in("f")), 4));
    check("ftruncate", C.ftruncate(fd, 8));
    assertThat(Posix.pread(fd, 100, 0)).isEqualTo(new byte[] {'0', '1', '2', '3', 0, 0, 0, 0});
    assertThat(stat(in("f")).size()).isEqualTo(8);
    assertThat(errnoOf(() -> check("ftruncate", C.ftruncate(fd, 1L << 50)))).isEqualTo(Posix.EFBIG);
    int cut = Posix.open(in("f"), Posix.O_RDWR | Posix.O_TRUNC);
    assertThat(stat(in("f")).size()).isZero();
    close(cut);
    close(fd);
  }

  @Test
  void appendGoesToTheEndOfNow() throws Exception {
    int a = make("f");
    int b = Posix.open(in("f"), Posix.O_WRONLY | Posix.O_APPEND);
    Posix.append(b, "one".getBytes(UTF_8));
    Posix.pwrite(a, "....".getBytes(UTF_8), 3);
    Posix.append(b, "two".getBytes(UTF_8));
    assertThat(new String(Posix.pread(a, 100, 0), UTF_8)).isEqualTo("one....two");
    close(a);
    close(b);
  }

  @Test
  void appendersFromManyThreadsLoseNothing() throws Exception {
    makeClosed("f");
    List<Callable<Void>> writers = new ArrayList<>();
    for (int w = 0; w < 8; w++) {
      byte[] line = ("writer " + w + "\n").getBytes(UTF_8);
      writers.add(
          () -> {
            int fd = Posix.open(in("f"), Posix.O_WRONLY | Posix.O_APPEND);
            for (int i = 0; i < 100; i++) {
              Posix.append(fd, line);
            }
            close(fd);
            return null;
          });
    }
    together(writers);
    assertThat(stat(in("f")).size()).isEqualTo(8 * 100 * 9);
  }

  @Test
  void exclusiveCreationHasOneWinner() throws Exception {
    for (int round = 0; round < 20; round++) {
      String name = "f" + round;
      List<Callable<Integer>> racers = new ArrayList<>();
      for (int r = 0; r < 8; r++) {
        racers.add(
            () -> {
              try {
                close(make(name));
                return 0;
              } catch (Failed e) {
                return e.errno();
              }
            });
      }
      List<Integer> results = together(racers);
      assertThat(results).containsOnlyOnce(0);
      assertThat(results).filteredOn(errno -> errno != 0).containsOnly(Posix.EEXIST);
    }
  }

  @Test
  void concurrentCreationWithoutExclusiveAlwaysOpens() throws Exception {
    for (int round = 0; round < 20; round++) {
      String name = in("f" + round);
      List<Callable<Long>> racers = new ArrayList<>();
      for (int r = 0; r < 8; r++) {
        racers.add(
            () -> {
              int fd = Posix.open(name, Posix.O_RDWR | Posix.O_CREAT);
              long inode = Posix.fstat(fd).ino();
              close(fd);
              return inode;
            });
      }
      assertThat(new HashSet<>(together(racers))).hasSize(1);
    }
  }

  @Test
  void directAndSynchronousWritesArriveWhole() throws Exception {
    int direct = Posix.open(in("d"), Posix.O_RDWR | Posix.O_CREAT | Posix.O_DIRECT);
    byte[] block = new byte[1 << 20];
    Arrays.fill(block, (byte) 7);
    Posix.pwrite(direct, block, 4096);
    assertThat(Posix.pread(direct, 1 << 20, 4096)).isEqualTo(block);
    close(direct);
    int sync = Posix.open(in("s"), Posix.O_RDWR | Posix.O_CREAT | Posix.O_SYNC);
    Posix.pwrite(sync, block, 1);
    assertThat(stat(in("s")).size()).isEqualTo((1 << 20) + 1);
    close(sync);
  }

  @Test
  void fallocateReservesPunchesAndZeroes() throws Exception {
    int fd = make("f");
    byte[] ones = new byte[16384];
    Arrays.fill(ones, (byte) 1);
    Posix.pwrite(fd, ones, 0);
    check("fallocate", C.fallocate(fd, 0, 0, 32768));
    assertThat(Posix.fstat(fd).size()).isEqualTo(32768);
    check("fallocate", C.fallocate(fd, Posix.FALLOC_KEEP_SIZE, 0, 1 << 20));
    assertThat(Posix.fstat(fd).size()).isEqualTo(32768);
    int punch = Posix.FALLOC_PUNCH_HOLE | Posix.FALLOC_KEEP_SIZE;
    check("fallocate", C.fallocate(fd, punch, 4096, 4096));
    check("fallocate", C.fallocate(fd, Posix.FALLOC_ZERO_RANGE, 12288, 4096));
    byte[] read = Posix.pread(fd, 16384, 0);
    for (int i = 0; i < read.length; i++) {
      boolean zero = (i >= 4096 && i < 8192) || i >= 12288;
      assertThat(read[i]).as("byte %d", i).isEqualTo((byte) (zero ? 0 : 1));
    }
    assertThat(errnoOf(() -> check("fallocate", C.fallocate(fd, 8, 0, 4096))))
        .isEqualTo(Posix.EOPNOTSUPP);
    close(fd);
  }

  @Test
  void sharedMappingIsWrittenBackByMsync() throws Exception {
    int fd = make("f");
    check("ftruncate", C.ftruncate(fd, 10000));
    Pointer shared = Posix.mmap(fd, 10000, Posix.MAP_SHARED);
    Pointer own = Posix.mmap(fd, 10000, Posix.MAP_PRIVATE);
    shared.putByte(9000, (byte) 42);
    own.putByte(1, (byte) 99);
    check("msync", C.msync(shared, 10000, Posix.MS_SYNC));
    check("munmap", C.munmap(shared, 10000));
    check("munmap", C.munmap(own, 10000));
    close(fd);
    int again = Posix.open(in("f"), Posix.O_RDONLY | Posix.O_DIRECT);
    byte[] read = Posix.pread(again, 10000, 0);
    assertThat(read[9000]).isEqualTo((byte) 42);
    assertThat(read[1]).isZero();
    close(again);
  }

  // ---- directories

  @Test
  void renameFollowsTheRules() throws Exception {
    check("mkdir", C.mkdir(path(in("d1")), 0755));
    check("mkdir", C.mkdir(path(in("d2")), 0755));
    makeClosed("d1/f");
    makeClosed("f");
    assertThat(errnoOf(() -> check("rename", C.rename(path(in("d2")), path(in("d1"))))))
        .isEqualTo(Posix.ENOTEMPTY);
    assertThat(errnoOf(() -> check("rename", C.rename(path(in("f")), path(in("d2"))))))
        .isEqualTo(Posix.EISDIR);
    assertThat(errnoOf(() -> check("rename", C.rename(path(in("d2")), path(in("f"))))))
        .isEqualTo(Posix.ENOTDIR);
    assertThat(errnoOf(() -> check("rename", C.rename(path(in("d1")), path(in("d1/x"))))))
        .isEqualTo(Posix.EINVAL);
    check("rename", C.rename(path(in("d1")), path(in("d2"))));
    check("rename", C.rename(path(in("d2/f")), path(in("f"))));
    check("rename", C.rename(path(in("f")), path(in("f"))));
    assertThat(stat(dir).nlink()).isEqualTo(3);
    assertThat(errnoOf(() -> check("rmdir", C.rmdir(path(in("f")))))).isEqualTo(Posix.ENOTDIR);
    assertThat(errnoOf(() -> check("unlink", C.unlink(path(in("d2")))))).isEqualTo(Posix.EISDIR);
    check("rmdir", C.rmdir(path(in("d2"))));
    assertThat(stat(dir).nlink()).isEqualTo(2);
  }

  @Test
  void listingOfTenThousandMissesNothingWhileOthersDelete() throws Exception {
    int count = 10_000;
    List<Callable<Void>> makers = new ArrayList<>();
    for (int m = 0; m < 4; m++) {
      int first = m;
      makers.add(
          () -> {
            for (int i = first; i < count; i += 4) {
              check("mknod", C.mknod(path(in("f" + i)), Posix.S_IFREG | 0600, 0));
            }
            return null;
          });
    }
    together(makers);
    // The odd ones go while the directory is read; the even ones are there all the time.
    Set<String> seen = new HashSet<>();
    Pointer directory = C.opendir(path(dir));
    int next = 1;
    for (Pointer entry = C.readdir(directory); entry != null; entry = C.readdir(directory)) {
      String name = new String(Posix.name(entry), UTF_8);
      assertThat(seen.add(name)).as("%s is listed once", name).isTrue();
      if (next < count) {
        check("unlink", C.unlink(path(in("f" + next))));
        next += 2;
      }
    }
    C.closedir(directory);
    for (int i = 0; i < count; i += 2) {
      assertThat(seen).contains("f" + i);
    }
    assertThat(Posix.list(dir)).hasSize(count / 2 + 2);
    assertThat(run("sh", "-c", "rm -f ./*")).isZero();
    assertThat(Posix.list(dir)).hasSize(2);
  }

  @Test
  void dotsNameTheRightInodes() throws Exception {
    check("mkdir", C.mkdir(path(in("d")), 0755));
    assertThat(stat(in("d/.")).ino()).isEqualTo(stat(in("d")).ino());
    assertThat(stat(in("d/..")).ino()).isEqualTo(stat(dir).ino());
    Pointer directory = C.opendir(path(in("d")));
    for (Pointer entry = C.readdir(directory); entry != null; entry = C.readdir(directory)) {
      boolean self = Posix.name(entry).length == 1;
      assertThat(entry.getLong(0)).isEqualTo(stat(self ? in("d") : dir).ino());
    }
    C.closedir(directory);
  }

  @Test
  void realProgramsWork() throws Exception {
    assertThat(
            run(
                "sh",
                "-ec",
                "mkdir -p a/b/c; cp -a /etc/passwd a/b; tar cf t.tar a; mkdir x;"
                    + " tar xf t.tar -C x; diff -r a x/a; rm -rf a x; test \"$(ls)\" = t.tar"))
        .isZero();
  }

  private static <T> List<T> together(List<Callable<T>> tasks) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(tasks.size());
    try {
      List<T> results = new ArrayList<>();
      for (Future<T> done : threads.invokeAll(tasks)) {
        results.add(done.get());
      }
      return results;
    } finally {
      threads.shutdownNow();
    }
  }
}
