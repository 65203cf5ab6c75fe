package io.lockstep.tools.config;

import io.lockstep.tools.IoReason;
import io.lockstep.tools.UserError;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Set;

/** Immutable. The file with the secret that every connection of a cluster proves (mode 0600). */
public final class SecretFile {
  private static final int SECRET_BYTES = 32;
  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rw-------");

  private SecretFile() {}

  /** Makes a secret unless there is one. */
  public static void ensure(Path file) throws IOException {
    byte[] secret = new byte[SECRET_BYTES];
    new SecureRandom().nextBytes(secret);
    Path fresh =
        Files.createTempFile(
            file.toAbsolutePath().getParent(),
            "secret",
            ".new",
            PosixFilePermissions.asFileAttribute(OWNER_ONLY));
    try {
      Files.writeString(fresh, HexFormat.of().formatHex(secret) + "\n", StandardOpenOption.SYNC);
      Files.createLink(file, fresh);
    } catch (FileAlreadyExistsException e) {
      // The one that is there stays: the processes that run know it.
    } finally {
      Files.delete(fresh);
    }
  }

  public static byte[] read(Path file) throws UserError {
    if (Files.isDirectory(file)) {
      throw UserError.failed(
          "%s: is a directory, expected a file of %d bytes in hexadecimal", file, SECRET_BYTES);
    }
    try {
      Set<PosixFilePermission> mode = Files.getPosixFilePermissions(file);
      if (!OWNER_ONLY.containsAll(mode)) {
        throw UserError.failed(
            "%s: mode is %s, others could read the secret; run chmod 600",
            file, PosixFilePermissions.toString(mode));
      }
      byte[] secret = HexFormat.of().parseHex(Files.readString(file).trim());
      if (secret.length != SECRET_BYTES) {
        throw UserError.failed(
            "%s: holds %d bytes, expected %d in hexadecimal", file, secret.length, SECRET_BYTES);
      }
      return secret;
    } catch (NoSuchFileException e) {
      throw UserError.failed(
          "%s: no such secret file, expected %d bytes in hexadecimal", file, SECRET_BYTES);
    } catch (IllegalArgumentException e) {
      throw UserError.failed("%s: expected %d bytes in hexadecimal", file, SECRET_BYTES);
    } catch (IOException e) {
      throw UserError.failed("%s: cannot be read: %s", file, IoReason.of(e));
    }
  }
}
