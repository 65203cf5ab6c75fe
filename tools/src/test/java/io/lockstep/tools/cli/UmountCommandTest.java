package io.lockstep.tools.cli;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.tools.UserError;
import io.lockstep.tools.process.MountTable;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class UmountCommandTest {
  private static final MountTable.Row MOUNT =
      new MountTable.Row(Path.of("/mnt"), "fuse.lockstep", "lockstep", 7, 1000);

  @Test
  void mountOfAnotherUserIsRefusedByName() {
    assertThatThrownBy(() -> UmountCommand.refuseIfOfAnother(MOUNT, 1001))
        .isInstanceOf(UserError.class)
        .hasMessage("/mnt was mounted by user 1000: only he and root may unmount it");
  }

  @Test
  void itsOwnerAndRootMayUnmountIt() {
    assertThatCode(() -> UmountCommand.refuseIfOfAnother(MOUNT, 1000)).doesNotThrowAnyException();
    assertThatCode(() -> UmountCommand.refuseIfOfAnother(MOUNT, 0)).doesNotThrowAnyException();
  }
}
