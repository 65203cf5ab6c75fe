package io.lockstep.metadata.namespace;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;

/** Immutable. What may be a name: any bytes but '/' and NUL. */
final class Names {
  static final ByteString SELF = ByteString.copyFromUtf8(".");
  static final ByteString PARENT = ByteString.copyFromUtf8("..");

  private Names() {}

  /** "." and "..": they stand in every directory and are never made, removed or renamed. */
  static boolean isSpecial(ByteString name) {
    return name.equals(SELF) || name.equals(PARENT);
  }

  /** OK, NAME_TOO_LONG, or BAD_REQUEST for what no path can contain. */
  static ErrorCode check(ByteString name) {
    if (name.isEmpty() || contains(name, '/') || contains(name, '\0')) {
      return ErrorCode.BAD_REQUEST;
    }
    return name.size() > Limits.NAME_BYTES_MAX ? ErrorCode.NAME_TOO_LONG : ErrorCode.OK;
  }

  static boolean contains(ByteString bytes, char wanted) {
    for (int i = 0; i < bytes.size(); i++) {
      if (bytes.byteAt(i) == wanted) {
        return true;
      }
    }
    return false;
  }
}
