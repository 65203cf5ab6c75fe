package io.lockstep.fs.fuse;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import ru.serce.jnrfuse.struct.FileStat;
import ru.serce.jnrfuse.struct.Statvfs;

/**
 * Immutable. System calls with names in bytes, as a C program makes them; a failure has its errno.
 * Tests of other modules use it too.
 */
public final class Posix {
  public static final int O_RDONLY = 0;
  public static final int O_WRONLY = 1;
  public static final int O_RDWR = 2;
  public static final int O_CREAT = 0100;
  public static final int O_EXCL = 0200;
  public static final int O_TRUNC = 01000;
  public static final int O_APPEND = 02000;
  public static final int O_DIRECTORY = 0200000;
  public static final int O_SYNC = 04010000;
  public static final int O_DIRECT = 040000;

  public static final int EPERM = 1;
  public static final int ENOENT = 2;
  public static final int EIO = 5;
  public static final int EACCES = 13;
  public static final int EEXIST = 17;
  public static final int ENOTDIR = 20;
  public static final int EISDIR = 21;
  public static final int EINVAL = 22;
  public static final int EFBIG = 27;
  public static final int ENOSPC = 28;
  public static final int EROFS = 30;
  public static final int ERANGE = 34;
  public static final int ENAMETOOLONG = 36;
  public static final int ENOTEMPTY = 39;
  public static final int ELOOP = 40;
  public static final int ENODATA = 61;
  public static final int EOPNOTSUPP = 95;
  public static final int ENOTCONN = 107;

  public static final int S_IFIFO = 0010000;
  public static final int S_IFREG = 0100000;
  public static final int S_IFSOCK = 0140000;
  public static final int S_IFMT = 0170000;

  public static final long UTIME_NOW = 1073741823;
  public static final long UTIME_OMIT = 1073741822;

  public static final int AT_FDCWD = -100;
  public static final int PROT_READ_WRITE = 3;
  public static final int MAP_SHARED = 1;
  public static final int MAP_PRIVATE = 2;
  public static final int MS_SYNC = 4;
  public static final int FALLOC_KEEP_SIZE = 1;
  public static final int FALLOC_PUNCH_HOLE = 2;
  public static final int FALLOC_ZERO_RANGE = 0x10;

  public static final int F_OFD_SETLK = 37;
  public static final int F_WRLCK = 1;

  public static final int SIGCONT = 18;
  public static final int SIGSTOP = 19;

  private static final int STRUCT_BYTES = 512;

  /** The functions of libc. */
  public interface LibC {
    int open(byte[] path, int flags, int mode);

    int close(int fd);

    long pread(int fd, @Out byte[] to, long size, long offset);

    long pwrite(int fd, @In byte[] from, long size, long offset);

    long write(int fd, @In byte[] from, long size);

    int stat(byte[] path, Pointer stat);

    int lstat(byte[] path, Pointer stat);

    int fstat(int fd, Pointer stat);

    int statvfs(byte[] path, Pointer stat);

    int mkdir(byte[] path, int mode);

    int rmdir(byte[] path);

    int unlink(byte[] path);

    int rename(byte[] from, byte[] to);

    int link(byte[] from, byte[] to);

    int symlink(byte[] target, byte[] path);

    long readlink(byte[] path, @Out byte[] to, long size);

    int mknod(byte[] path, int mode, long device);

    int chmod(byte[] path, int mode);

    int fchmod(int fd, int mode);

    int chown(byte[] path, int uid, int gid);

    int truncate(byte[] path, long size);

    int ftruncate(int fd, long size);

    int fsync(int fd);

    int fcntl(int fd, int command, Pointer lock);

    int fallocate(int fd, int mode, long offset, long length);

    int utimensat(int directory, byte[] path, Pointer times, int flags);

    int futimens(int fd, Pointer times);

    int setxattr(byte[] path, byte[] name, @In byte[] value, long size, int flags);

    long getxattr(byte[] path, byte[] name, @Out byte[] value, long size);

    long listxattr(byte[] path, @Out byte[] names, long size);

    int removexattr(byte[] path, byte[] name);

    Pointer mmap(Pointer address, long size, int protection, int flags, int fd, long offset);

    int munmap(Pointer address, long size);

    int msync(Pointer address, long size, int flags);

    Pointer opendir(byte[] path);

    Pointer readdir(Pointer directory);

    int closedir(Pointer directory);

    int kill(int pid, int signal);
  }

  /** A call that returned -1. */
  public static final class Failed extends Exception {
    private static final long serialVersionUID = 1;
    private final int errno;

    Failed(String call, int errno) {
      super(call + ": errno " + errno);
      this.errno = errno;
    }

    public int errno() {
      return errno;
    }
  }

  /** What stat(2) says; times in nanoseconds. */
  public record Stat(
      long ino,
      int mode,
      long nlink,
      int uid,
      int gid,
      long size,
      long blocks,
      long rdev,
      long atimeNs,
      long mtimeNs,
      long ctimeNs) {}

  public static final LibC C = LibraryLoader.create(LibC.class).load("c");
  private static final Runtime RUNTIME = Runtime.getRuntime(C);

  private Posix() {}

  /** The zero-terminated bytes. */
  public static byte[] path(String text) {
    return path(text.getBytes(StandardCharsets.UTF_8));
  }

  public static byte[] path(byte[] bytes) {
    return Arrays.copyOf(bytes, bytes.length + 1);
  }

  public static byte[] in(String directory, byte[] name) {
    byte[] prefix = (directory + "/").getBytes(StandardCharsets.UTF_8);
    byte[] all = Arrays.copyOf(prefix, prefix.length + name.length + 1);
    System.arraycopy(name, 0, all, prefix.length, name.length);
    return all;
  }

  public static int check(String call, int result) throws Failed {
    return (int) check(call, (long) result);
  }

  public static long check(String call, long result) throws Failed {
    if (result < 0) {
      throw new Failed(call, RUNTIME.getLastError());
    }
    return result;
  }

  public static Pointer memory(int sizeBytes) {
    return Memory.allocateDirect(RUNTIME, sizeBytes, true);
  }

  public static int open(String path, int flags) throws Failed {
    return check("open " + path, C.open(path(path), flags, 0644));
  }

  public static Stat stat(byte[] path) throws Failed {
    Pointer memory = memory(STRUCT_BYTES);
    check("stat", C.stat(path, memory));
    return stat(memory);
  }

  public static Stat stat(String path) throws Failed {
    return stat(path(path));
  }

  public static Stat lstat(String path) throws Failed {
    Pointer memory = memory(STRUCT_BYTES);
    check("lstat", C.lstat(path(path), memory));
    return stat(memory);
  }

  public static Stat fstat(int fd) throws Failed {
    Pointer memory = memory(STRUCT_BYTES);
    check("fstat", C.fstat(fd, memory));
    return stat(memory);
  }

  private static Stat stat(Pointer memory) {
    FileStat s = FileStat.of(memory);
    return new Stat(
        s.st_ino.longValue(),
        s.st_mode.intValue(),
        s.st_nlink.longValue(),
        s.st_uid.intValue(),
        s.st_gid.intValue(),
        s.st_size.longValue(),
        s.st_blocks.longValue(),
        s.st_rdev.longValue(),
        s.st_atim.tv_sec.get() * 1_000_000_000L + s.st_atim.tv_nsec.longValue(),
        s.st_mtim.tv_sec.get() * 1_000_000_000L + s.st_mtim.tv_nsec.longValue(),
        s.st_ctim.tv_sec.get() * 1_000_000_000L + s.st_ctim.tv_nsec.longValue());
  }

  public static Statvfs statvfs(String path) throws Failed {
    Pointer memory = memory(STRUCT_BYTES);
    check("statvfs", C.statvfs(path(path), memory));
    return Statvfs.of(memory);
  }

  public static byte[] pread(int fd, int size, long offset) throws Failed {
    byte[] bytes = new byte[size];
    long count = check("pread", C.pread(fd, bytes, size, offset));
    return Arrays.copyOf(bytes, (int) count);
  }

  public static void pwrite(int fd, byte[] bytes, long offset) throws Failed {
    long count = check("pwrite", C.pwrite(fd, bytes, bytes.length, offset));
    if (count != bytes.length) {
      throw new Failed("pwrite wrote " + count + " of " + bytes.length, 0);
    }
  }

  public static void append(int fd, byte[] bytes) throws Failed {
    check("write", C.write(fd, bytes, bytes.length));
  }

  /** {@code struct timespec[2]}. */
  public static Pointer times(long atimeS, long atimeNs, long mtimeS, long mtimeNs) {
    Pointer memory = memory(4 * Long.BYTES);
    memory.put(0, new long[] {atimeS, atimeNs, mtimeS, mtimeNs}, 0, 4);
    return memory;
  }

  /** The names as the directory gives them, with "." and "..". */
  public static List<byte[]> list(String path) throws Failed {
    Pointer directory = C.opendir(path(path));
    if (directory == null) {
      throw new Failed("opendir", RUNTIME.getLastError());
    }
    List<byte[]> names = new ArrayList<>();
    for (Pointer entry = C.readdir(directory); entry != null; entry = C.readdir(directory)) {
      names.add(name(entry));
    }
    C.closedir(directory);
    return names;
  }

  /** d_name of {@code struct dirent}. */
  public static byte[] name(Pointer entry) {
    int length = 0;
    while (entry.getByte(19 + length) != 0) {
      length++;
    }
    byte[] name = new byte[length];
    entry.get(19, name, 0, length);
    return name;
  }

  public static Pointer mmap(int fd, long size, int flags) throws Failed {
    Pointer address = C.mmap(null, size, PROT_READ_WRITE, flags, fd, 0);
    if (address == null || address.address() == -1) {
      throw new Failed("mmap", RUNTIME.getLastError());
    }
    return address;
  }

  /** Locks all of a file for its open file description, which is not of any process. */
  public static void lockDescription(int fd) throws Failed {
    Pointer lock = Memory.allocateDirect(Runtime.getSystemRuntime(), STRUCT_BYTES, true);
    lock.putShort(0, (short) F_WRLCK);
    check("fcntl", C.fcntl(fd, F_OFD_SETLK, lock));
  }
}
