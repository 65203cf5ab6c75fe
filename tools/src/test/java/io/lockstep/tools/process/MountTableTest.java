package io.lockstep.tools.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class MountTableTest {
  private static final String TABLE =
      """
      22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
      31 22 0:45 / /mnt/with\\040blank\\134and\\011tab rw - fuse.lockstep lockstep:demo rw,user_id=0
      32 22 0:46 / /mnt/caf\\303\\251 rw master:1 shared:2 - tmpfs tmpfs rw
      33 32 0:47 / /mnt/café rw - fuse.lockstep lockstep:photos rw,user_id=1000,group_id=7
      broken line
      """;

  @Test
  void namesAreUnescaped() {
    MountTable table = MountTable.parse(TABLE.replace("é", "\\303\\251"));
    assertThat(table.on(Path.of("/mnt/with blank\\and\ttab")))
        .contains(
            new MountTable.Row(
                Path.of("/mnt/with blank\\and\ttab"), "fuse.lockstep", "lockstep:demo", 45, 0));
    assertThat(table.on(Path.of("/"))).map(MountTable.Row::type).contains("ext4");
    assertThat(table.on(Path.of("/mnt"))).isEmpty();
  }

  @Test
  void topmostMountCounts() {
    MountTable table = MountTable.parse(TABLE.replace("é", "\\303\\251"));
    assertThat(table.on(Path.of("/mnt/../mnt/café")))
        .map(MountTable.Row::source)
        .contains("lockstep:photos");
  }

  @Test
  void ownerIsWhoMountedIt() {
    MountTable table = MountTable.parse(TABLE.replace("é", "\\303\\251"));
    assertThat(table.on(Path.of("/mnt/café"))).map(MountTable.Row::owner).contains(1000L);
    assertThat(table.on(Path.of("/"))).map(MountTable.Row::owner).contains(MountTable.NO_OWNER);
  }

  @Test
  void thisMachineHasARoot() throws Exception {
    assertThat(MountTable.read().on(Path.of("/"))).isPresent();
  }
}
