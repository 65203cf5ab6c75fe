package io.lockstep.tools.cluster;

import io.lockstep.tools.UserError;
import io.lockstep.wire.message.RootDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Immutable. Whose the root directory of a new volume is. */
public final class RootOwner {
  private static final int MODE = 0755;
  private static final int MODE_MASK = 07777;

  private RootOwner() {}

  /** Of the user who runs this command, mode 0755: a mount of his own can then be written. */
  public static RootDirectory ofThisUser() throws UserError {
    try {
      Path self = Path.of("/proc/self");
      return RootDirectory.newBuilder()
          .setUid((Integer) Files.getAttribute(self, "unix:uid"))
          .setGid((Integer) Files.getAttribute(self, "unix:gid"))
          .setMode(MODE)
          .build();
    } catch (IOException e) {
      throw UserError.failed("whose process this is cannot be found: %s", e.getMessage());
    }
  }

  /**
   * What the options of a command say; what they leave open is as in {@link #ofThisUser}.
   *
   * @param owner UID:GID, or null
   * @param mode octal digits, or null
   */
  public static RootDirectory of(String owner, String mode) throws UserError {
    RootDirectory.Builder root = ofThisUser().toBuilder();
    if (owner != null) {
      String[] ids = owner.split(":", -1);
      if (ids.length != 2) {
        throw UserError.misuse("--owner is '%s', expected UID:GID, like 1000:1000", owner);
      }
      root.setUid(id(owner, ids[0])).setGid(id(owner, ids[1]));
    }
    if (mode != null) {
      if (!mode.matches("0*[0-7]{1,4}")) {
        throw UserError.misuse("--mode is '%s', expected octal digits, like 0755", mode);
      }
      root.setMode(Integer.parseInt(mode, 8) & MODE_MASK);
    }
    return root.build();
  }

  private static int id(String owner, String number) throws UserError {
    try {
      return Integer.parseUnsignedInt(number);
    } catch (NumberFormatException e) {
      throw UserError.misuse("--owner is '%s', expected UID:GID, like 1000:1000", owner);
    }
  }
}
