package io.lockstep.tools.cli;

import com.google.protobuf.ByteString;
import io.lockstep.core.MemberMode;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.MemberMessage;
import io.lockstep.wire.message.SetConfigMessage;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;

/** Immutable. How ids, sizes, times and modes are written for people. */
final class Words {
  private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  private static final int SHORT_ID_LENGTH = 8;

  private Words() {}

  static String bytes(long count) {
    double shown = count;
    int unit = 0;
    while (shown >= 1024 && unit < UNITS.length - 1) {
      shown /= 1024;
      unit++;
    }
    return unit == 0 ? count + " B" : String.format(Locale.ROOT, "%.1f %s", shown, UNITS[unit]);
  }

  static String time(long ms) {
    return Instant.ofEpochMilli(ms).truncatedTo(ChronoUnit.SECONDS).toString();
  }

  static String id(ByteString daemon) {
    return Convert.uuid(daemon).toString();
  }

  static String shortId(ByteString daemon) {
    return id(daemon).substring(0, SHORT_ID_LENGTH);
  }

  static String mode(MemberMessage member) {
    MemberMode mode = MemberMode.ofNumber(member.getMode());
    return mode == null ? "?" + member.getMode() : mode.name();
  }

  /** Like {@code 1:RW 2:WO 3:ERR}. */
  static String modes(SetConfigMessage set) {
    StringBuilder modes = new StringBuilder(set.getOpen() ? "" : "closed ");
    for (MemberMessage member : set.getMembersList()) {
      modes.append(member.getId()).append(':').append(mode(member)).append(' ');
    }
    return modes.toString().stripTrailing();
  }
}
