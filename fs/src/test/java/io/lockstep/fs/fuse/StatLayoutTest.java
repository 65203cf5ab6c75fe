package io.lockstep.fs.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.Timestamp;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import ru.serce.jnrfuse.struct.FileStat;

class StatLayoutTest {
  private final Pointer memory =
      Runtime.getSystemRuntime().getMemoryManager().allocateDirect(512, true);

  @Test
  void whatIsPutIsWhatJnrFuseReads() {
    Attributes attributes =
        Attributes.newBuilder()
            .setInode(0x1122334455667788L)
            .setType(FileType.REGULAR)
            .setMode(04755)
            .setNlink(3)
            .setUid(1000)
            .setGid(0xFFFFFFFE)
            .setSize(5000)
            .setAtime(Timestamp.newBuilder().setSeconds(-1).setNanos(1))
            .setMtime(Timestamp.newBuilder().setSeconds(2).setNanos(999_999_999))
            .setCtime(Timestamp.newBuilder().setSeconds(1L << 33))
            .build();
    StatLayout.putStat(memory.address(), attributes);
    FileStat stat = FileStat.of(memory);
    assertThat(stat.st_ino.longValue()).isEqualTo(0x1122334455667788L);
    assertThat(stat.st_mode.intValue()).isEqualTo(0104755);
    assertThat(stat.st_nlink.intValue()).isEqualTo(3);
    assertThat(stat.st_uid.longValue()).isEqualTo(1000);
    assertThat(stat.st_gid.intValue()).isEqualTo(0xFFFFFFFE);
    assertThat(stat.st_size.longValue()).isEqualTo(5000);
    assertThat(stat.st_blocks.longValue()).isEqualTo(16);
    assertThat(stat.st_blksize.longValue()).isEqualTo(4096);
    assertThat(stat.st_atim.tv_sec.get()).isEqualTo(-1);
    assertThat(stat.st_mtim.tv_nsec.longValue()).isEqualTo(999_999_999);
    assertThat(stat.st_ctim.tv_sec.get()).isEqualTo(1L << 33);
    assertThat(StatLayout.mtime(memory.address())).isEqualTo(attributes.getMtime());
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 0x103, 0x1_0000_0005L, 0xFFF_000F_FFFFL, 0xFFFF_FFFF_FFFF_FFFFL})
  void devicesAreTurnedThereAndBack(long rdev) {
    assertThat(StatLayout.rdev(StatLayout.device(rdev))).isEqualTo(rdev);
  }

  @ParameterizedTest
  @EnumSource(
      value = FileType.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"FILE_TYPE_UNKNOWN", "UNRECOGNIZED"})
  void typesAreTurnedThereAndBack(FileType type) {
    assertThat(StatLayout.type(StatLayout.typeBits(type))).isEqualTo(type);
  }
}
