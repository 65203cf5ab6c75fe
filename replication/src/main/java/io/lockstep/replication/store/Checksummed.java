package io.lockstep.replication.store;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.CRC32C;

/**
 * Immutable. Bytes that are stored with a CRC32C behind them, in files also with what they are
 * before them:
 *
 * <pre>
 * file:   u8[4] "LSTP"   u8[4] kind   u16 version   u16 bytes of content   content   u32 CRC32C
 * </pre>
 */
final class Checksummed {
  private static final byte[] MAGIC = "LSTP".getBytes(StandardCharsets.US_ASCII);
  private static final int KIND_BYTES = 4;
  private static final int HEADER_BYTES = 4 + KIND_BYTES + 2 + 2;
  private static final int CRC_BYTES = 4;

  private Checksummed() {}

  /** {@code content} with its checksum behind it. */
  static byte[] seal(byte[] content) {
    byte[] sealed = Arrays.copyOf(content, content.length + CRC_BYTES);
    ByteBuffer.wrap(sealed).putInt(content.length, crc(content, content.length));
    return sealed;
  }

  /** What {@link #seal} was given; CORRUPT, naming {@code what}, if the checksum is wrong. */
  static byte[] open(byte[] sealed, String what) throws Outcome {
    int length = sealed.length - CRC_BYTES;
    if (length < 0 || ByteBuffer.wrap(sealed).getInt(length) != crc(sealed, length)) {
      throw new Outcome(ErrorCode.CORRUPT, what + " has a wrong checksum");
    }
    return Arrays.copyOf(sealed, length);
  }

  /** The bytes of a file of this kind (four letters). */
  static byte[] file(String kind, int version, byte[] content) {
    ByteBuffer bytes = ByteBuffer.allocate(HEADER_BYTES + content.length);
    bytes.put(MAGIC).put(kind.getBytes(StandardCharsets.US_ASCII));
    bytes.putShort((short) version).putShort((short) content.length).put(content);
    return seal(bytes.array());
  }

  /** The content of such a file, checked. */
  static ByteBuffer content(byte[] file, String kind, int version, String path) throws Outcome {
    if (file.length < HEADER_BYTES + CRC_BYTES || !Arrays.equals(MAGIC, Arrays.copyOf(file, 4))) {
      throw new Outcome(ErrorCode.CORRUPT, path + " is no file of Lockstep");
    }
    String foundKind = new String(file, 4, KIND_BYTES, StandardCharsets.US_ASCII);
    if (!foundKind.equals(kind)) {
      throw new Outcome(
          ErrorCode.CORRUPT, path + " is of kind " + foundKind + ", expected " + kind);
    }
    int foundVersion = ByteBuffer.wrap(file).getShort(4 + KIND_BYTES) & 0xffff;
    if (foundVersion > version) {
      throw new Outcome(
          ErrorCode.WRONG_VERSION,
          path
              + " has format "
              + foundVersion
              + ", this version knows up to "
              + version
              + ": use a newer Lockstep");
    }
    byte[] opened = open(file, path);
    return ByteBuffer.wrap(opened, HEADER_BYTES, opened.length - HEADER_BYTES).slice();
  }

  static int crc(byte[] bytes, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, length);
    return (int) crc.getValue();
  }
}
