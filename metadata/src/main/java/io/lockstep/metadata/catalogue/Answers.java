package io.lockstep.metadata.catalogue;

import io.lockstep.core.ErrorCode;
import io.lockstep.metadata.kv.KvTransaction;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Reply;
import java.util.ArrayList;
import java.util.List;

/**
 * Immutable. The answers that sessions were given, in the state of the log (P11): a request that
 * comes again gets its first answer, one below the low-water mark is refused, and one of an ended
 * session too (P5).
 */
final class Answers {
  /** Sequences that a session may have unanswered; further ones are BUSY. */
  static final int WINDOW = 16_384;

  private static final int DELETE_BLINDLY_MAX = 64;

  private Answers() {}

  /** What to answer without executing, or null if the request is new. */
  static Reply known(KvTransaction state, long session, long sequence) {
    if (state.get(Keys.of(Keys.SESSION, session)) == null) {
      return Replies.failure(
          ErrorCode.SESSION_ENDED, String.format("session %d has ended", session));
    }
    long lowWater = Keys.number(state.get(Keys.of(Keys.LOW_WATER, session)));
    if (Long.compareUnsigned(sequence, lowWater) < 0) {
      return Replies.failure(
          ErrorCode.ANSWERED_BEFORE,
          String.format("request %d of session %d was answered before", sequence, session));
    }
    return Catalogue.read(Reply.parser(), state.get(Keys.of(Keys.ANSWER, session, sequence)));
  }

  /** The request was executed with this answer; answers below the new mark are forgotten. */
  static void remember(
      KvTransaction state, long session, long sequence, long lowWater, Reply reply) {
    state.put(Keys.of(Keys.ANSWER, session, sequence), reply.toByteArray());
    byte[] waterKey = Keys.of(Keys.LOW_WATER, session);
    long former = Keys.number(state.get(waterKey));
    // Not above this request itself: its own answer has to stand.
    long next = Long.compareUnsigned(lowWater, sequence) > 0 ? sequence : lowWater;
    if (Long.compareUnsigned(next, former) <= 0) {
      return;
    }
    state.put(waterKey, Keys.number(next));
    if (Long.compareUnsigned(next - former, DELETE_BLINDLY_MAX) <= 0) {
      for (long each = former; each != next; each++) {
        state.delete(Keys.of(Keys.ANSWER, session, each));
      }
    } else {
      deleteRange(
          state, Keys.of(Keys.ANSWER, session, former), Keys.of(Keys.ANSWER, session, next));
    }
  }

  /** Whether so many requests of the session may be without an answer. */
  static boolean isWithinWindow(KvTransaction state, long session, long sequence, long lowWater) {
    long former = Keys.number(state.get(Keys.of(Keys.LOW_WATER, session)));
    long water = Long.compareUnsigned(lowWater, former) > 0 ? lowWater : former;
    return Long.compareUnsigned(sequence - water, WINDOW) <= 0;
  }

  static void forget(KvTransaction state, long session) {
    state.delete(Keys.of(Keys.LOW_WATER, session));
    deleteRange(state, Keys.of(Keys.ANSWER, session), Keys.of(Keys.ANSWER, session + 1));
  }

  static void deleteRange(KvTransaction state, byte[] from, byte[] to) {
    List<byte[]> keys = new ArrayList<>();
    state.scan(
        from,
        to,
        (key, value) -> {
          keys.add(key);
          return true;
        });
    keys.forEach(state::delete);
  }
}
