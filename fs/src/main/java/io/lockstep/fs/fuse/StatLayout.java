package io.lockstep.fs.fuse;

import com.kenai.jffi.MemoryIO;
import io.lockstep.core.Check;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.StatFilesystemReply;
import io.lockstep.wire.message.Timestamp;
import java.util.function.Consumer;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import jnr.ffi.Struct;
import ru.serce.jnrfuse.struct.FileStat;
import ru.serce.jnrfuse.struct.Statvfs;

/**
 * Immutable. Where the fields of {@code struct stat} and {@code struct statvfs} are on this machine
 * according to jnr-fuse's structures, and how attributes get there and back.
 *
 * <p>Filling jnr-fuse's {@link FileStat} costs 0.2 us for each reply; at offsets taken from it once
 * it costs next to nothing.
 */
final class StatLayout {
  static final int BLOCK_BYTES = 4096;
  private static final int SECTOR_BYTES = 512;
  private static final int NAME_BYTES_MAX = 255;

  private static final int IFMT = 0170000;
  private static final int IFIFO = 0010000;
  private static final int IFCHR = 0020000;
  private static final int IFDIR = 0040000;
  private static final int IFBLK = 0060000;
  private static final int IFREG = 0100000;
  private static final int IFLNK = 0120000;
  private static final int IFSOCK = 0140000;

  private static final MemoryIO MEMORY = MemoryIO.getInstance();
  private static final int MARK = 0x5A;
  private static final Runtime RUNTIME = Runtime.getSystemRuntime();

  static final int STAT_BYTES = Struct.size(FileStat.of(blank(512)));
  static final int STATVFS_BYTES = 256;

  private static final long INO = offset(stat -> stat.st_ino.set(MARK));
  private static final long MODE = offset(stat -> stat.st_mode.set(MARK));
  private static final long NLINK = offset(stat -> stat.st_nlink.set(MARK));
  private static final int NLINK_BYTES = (int) width(stat -> stat.st_nlink.set(-1));
  private static final long UID = offset(stat -> stat.st_uid.set(MARK));
  private static final long GID = offset(stat -> stat.st_gid.set(MARK));
  private static final long RDEV = offset(stat -> stat.st_rdev.set(MARK));
  private static final long SIZE = offset(stat -> stat.st_size.set(MARK));
  private static final long BLKSIZE = offset(stat -> stat.st_blksize.set(MARK));
  private static final long BLOCKS = offset(stat -> stat.st_blocks.set(MARK));
  private static final long ATIME = offset(stat -> stat.st_atim.tv_sec.set(MARK));
  private static final long MTIME = offset(stat -> stat.st_mtim.tv_sec.set(MARK));
  private static final long CTIME = offset(stat -> stat.st_ctim.tv_sec.set(MARK));
  private static final long NANOS = 8;

  private StatLayout() {}

  private static Pointer blank(int sizeBytes) {
    return RUNTIME.getMemoryManager().allocateDirect(sizeBytes, true);
  }

  /** Where the setter writes its mark. */
  private static long offset(Consumer<FileStat> setter) {
    return firstSet(setter, MARK);
  }

  private static long width(Consumer<FileStat> setter) {
    Pointer memory = blank(512);
    setter.accept(FileStat.of(memory));
    int count = 0;
    for (int i = 0; i < 512; i++) {
      count += memory.getByte(i) != 0 ? 1 : 0;
    }
    return count;
  }

  private static long firstSet(Consumer<FileStat> setter, int mark) {
    Pointer memory = blank(512);
    setter.accept(FileStat.of(memory));
    for (int i = 0; i < 512; i++) {
      if (memory.getByte(i) == mark) {
        return i;
      }
    }
    throw Check.unreachable("struct stat does not hold what was put into it");
  }

  /** Fills a {@code struct stat} of zeros at {@code address}. */
  static void putStat(long address, Attributes from) {
    MEMORY.putLong(address + INO, from.getInode());
    MEMORY.putInt(address + MODE, typeBits(from.getType()) | (from.getMode() & 07777));
    if (NLINK_BYTES == Long.BYTES) {
      MEMORY.putLong(address + NLINK, from.getNlink());
    } else {
      MEMORY.putInt(address + NLINK, from.getNlink());
    }
    MEMORY.putInt(address + UID, from.getUid());
    MEMORY.putInt(address + GID, from.getGid());
    MEMORY.putLong(address + RDEV, device(from.getRdev()));
    MEMORY.putLong(address + SIZE, from.getSize());
    MEMORY.putInt(address + BLKSIZE, BLOCK_BYTES);
    MEMORY.putLong(address + BLOCKS, sectors(from));
    putTime(address + ATIME, from.getAtime());
    putTime(address + MTIME, from.getMtime());
    putTime(address + CTIME, from.getCtime());
  }

  private static void putTime(long address, Timestamp time) {
    MEMORY.putLong(address, time.getSeconds());
    MEMORY.putLong(address + NANOS, time.getNanos());
  }

  private static long sectors(Attributes from) {
    long bytes = from.getAllocated();
    if (bytes == 0 && from.getType() == FileType.REGULAR) {
      bytes = from.getSize();
    }
    return (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES * (BLOCK_BYTES / SECTOR_BYTES);
  }

  static int mode(long stat) {
    return MEMORY.getInt(stat + MODE);
  }

  static int uid(long stat) {
    return MEMORY.getInt(stat + UID);
  }

  static int gid(long stat) {
    return MEMORY.getInt(stat + GID);
  }

  static long size(long stat) {
    return MEMORY.getLong(stat + SIZE);
  }

  static Timestamp atime(long stat) {
    return time(stat + ATIME);
  }

  static Timestamp mtime(long stat) {
    return time(stat + MTIME);
  }

  private static Timestamp time(long address) {
    return Timestamp.newBuilder()
        .setSeconds(MEMORY.getLong(address))
        .setNanos((int) MEMORY.getLong(address + NANOS))
        .build();
  }

  static int typeBits(FileType type) {
    return switch (type) {
      case DIRECTORY -> IFDIR;
      case SYMLINK -> IFLNK;
      case FIFO -> IFIFO;
      case SOCKET -> IFSOCK;
      case CHARACTER_DEVICE -> IFCHR;
      case BLOCK_DEVICE -> IFBLK;
      case REGULAR, FILE_TYPE_UNKNOWN, UNRECOGNIZED -> IFREG;
    };
  }

  /** The type that the bits of a mode say; a mode without any is a regular file, as for mknod. */
  static FileType type(int mode) {
    return switch (mode & IFMT) {
      case 0, IFREG -> FileType.REGULAR;
      case IFDIR -> FileType.DIRECTORY;
      case IFLNK -> FileType.SYMLINK;
      case IFIFO -> FileType.FIFO;
      case IFSOCK -> FileType.SOCKET;
      case IFCHR -> FileType.CHARACTER_DEVICE;
      case IFBLK -> FileType.BLOCK_DEVICE;
      default -> FileType.FILE_TYPE_UNKNOWN;
    };
  }

  /** {@code dev_t} of {@code major << 32 | minor}. */
  static long device(long rdev) {
    long major = rdev >>> 32;
    long minor = rdev & 0xFFFF_FFFFL;
    return (minor & 0xFF) | (major & 0xFFF) << 8 | (minor & ~0xFFL) << 12 | (major & ~0xFFFL) << 32;
  }

  /** {@code major << 32 | minor} of a {@code dev_t}. */
  static long rdev(long device) {
    long major = (device >>> 8 & 0xFFF) | (device >>> 32 & ~0xFFFL);
    long minor = (device & 0xFF) | (device >>> 12 & 0xFFFF_FF00L);
    return major << 32 | minor;
  }

  /** Fills {@code struct statvfs} at {@code memory}. */
  static void putStatvfs(Pointer memory, StatFilesystemReply from) {
    Statvfs to = Statvfs.of(memory);
    to.f_bsize.set(BLOCK_BYTES);
    to.f_frsize.set(BLOCK_BYTES);
    to.f_blocks.set(from.getTotalBytes() / BLOCK_BYTES);
    to.f_bfree.set(from.getFreeBytes() / BLOCK_BYTES);
    to.f_bavail.set(from.getAvailableBytes() / BLOCK_BYTES);
    to.f_files.set(from.getInodes() + from.getInodesFree());
    to.f_ffree.set(from.getInodesFree());
    to.f_favail.set(from.getInodesFree());
    to.f_namemax.set(NAME_BYTES_MAX);
  }
}
