package io.lockstep.wire;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.core.SetConfig;
import io.lockstep.core.Token;
import io.lockstep.wire.message.MemberMessage;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.Timestamp;
import io.lockstep.wire.message.TokenMessage;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Immutable. Between the types of core and the messages that carry them. */
public final class Convert {
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private Convert() {}

  public static Token token(TokenMessage message) {
    return new Token(message.getTerm(), message.getSequence());
  }

  public static TokenMessage message(Token token) {
    return TokenMessage.newBuilder().setTerm(token.term()).setSequence(token.sequence()).build();
  }

  public static ByteString message(UUID id) {
    ByteBuffer bytes = ByteBuffer.allocate(16);
    bytes.putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits()).flip();
    return ByteString.copyFrom(bytes);
  }

  /** The UUID, or the nil UUID if {@code bytes} are not 16. */
  public static UUID uuid(ByteString bytes) {
    if (bytes.size() != 16) {
      return new UUID(0, 0);
    }
    ByteBuffer buffer = bytes.asReadOnlyByteBuffer();
    return new UUID(buffer.getLong(), buffer.getLong());
  }

  /** Nanoseconds since 1970 (years 1677 to 2262). */
  public static long nanos(Timestamp time) {
    return time.getSeconds() * NANOS_PER_SECOND + time.getNanos();
  }

  public static Timestamp timestamp(long wallTimeNs) {
    return Timestamp.newBuilder()
        .setSeconds(Math.floorDiv(wallTimeNs, NANOS_PER_SECOND))
        .setNanos((int) Math.floorMod(wallTimeNs, NANOS_PER_SECOND))
        .build();
  }

  /**
   * The configuration that a peer sent, checked: an unknown mode or too many members is
   * BAD_REQUEST.
   */
  public static SetConfig config(SetConfigMessage message) throws Outcome {
    List<Member> members = new ArrayList<>(message.getMembersCount());
    for (MemberMessage m : message.getMembersList()) {
      MemberMode mode = MemberMode.ofNumber(m.getMode());
      if (mode == null || m.getId() <= 0 || m.getDaemon().size() != 16) {
        throw new Outcome(
            ErrorCode.BAD_REQUEST,
            "member " + m.getId() + " of set " + message.getSet() + " has mode " + m.getMode());
      }
      members.add(new Member(m.getId(), uuid(m.getDaemon()), mode, m.getIncarnation()));
    }
    return new SetConfig(
        message.getSet(),
        message.getEpoch(),
        message.getMinReplicas(),
        message.getOpen(),
        message.getOpenedEpoch(),
        members);
  }

  /** The message of a configuration, with the addresses that are known. */
  public static SetConfigMessage message(SetConfig config, Map<UUID, String> addresses) {
    SetConfigMessage.Builder message =
        SetConfigMessage.newBuilder()
            .setSet(config.set())
            .setEpoch(config.epoch())
            .setMinReplicas(config.minReplicas())
            .setOpen(config.open())
            .setOpenedEpoch(config.openedEpoch());
    for (Member m : config.members()) {
      message.addMembers(
          MemberMessage.newBuilder()
              .setId(m.id())
              .setDaemon(message(m.daemon()))
              .setMode(m.mode().number())
              .setIncarnation(m.incarnation())
              .setAddress(addresses.getOrDefault(m.daemon(), "")));
    }
    return message.build();
  }
}
