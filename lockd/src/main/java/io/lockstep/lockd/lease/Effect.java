package io.lockstep.lockd.lease;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.wire.message.LeaseMode;
import java.util.List;

/**
 * Immutable. What the owner of a {@link LeaseTable} does after a transition, in the order of the
 * list.
 *
 * <p>Two orders carry meaning. {@link SizeOwner} stands before the {@link Grant} that makes a
 * session the owner, so whoever asks for attributes after a holder could write knows of that
 * holder. {@link Grant} stands before a {@link Recall} of the same lease. Everything else may be
 * reordered or lost by the network: recalls, queries and questions to the master are repeated by
 * the table, and an answer is given again when the request is.
 */
public sealed interface Effect {
  /** Answers the acquire of this lease; given again for each repeat of the request. */
  record Grant(long session, long inode, long lease, LeaseMode mode, Token token, long set)
      implements Effect {}

  /** Answers the acquire of this lease: it is not granted and no longer waits. */
  record Refuse(long session, long inode, long lease, ErrorCode code, String reason)
      implements Effect {}

  /** Pushed to the holder: somebody waits for {@code wanted}. */
  record Recall(long session, long inode, long lease, LeaseMode wanted) implements Effect {}

  /** Pushed to a former holder: this lease was ended by force. */
  record TellCleared(long session, long inode, long lease) implements Effect {}

  /** Pushed to the exclusive holder: tell size and times, then answer {@code query}. */
  record Query(long session, long inode, long lease, long query) implements Effect {}

  /** Asks the master to seal and settle (P1); answered by {@link LeaseTable#onSettled}. */
  record AskSettle(long inode, long set, Token token) implements Effect {}

  /**
   * Asks the master to settle every dirty object but those of {@code covered}; answered by {@link
   * LeaseTable#onOrphansSettled}.
   */
  record AskSettleOrphans(List<Covered> covered, Token seal) implements Effect {}

  /** An inode that a sweep leaves alone: it is leased, or settled on its own. */
  record Covered(long inode, Token token) {}

  /** Asks the master to end the session of a holder that does not answer its recalls. */
  record AskEndSession(long session, String reason) implements Effect {}

  /** Answers a reclaim: these inodes are lost. */
  record AnswerReclaim(long session, List<Long> refused) implements Effect {}

  /** Pushed to the holder of a directory lease: another session changes the directory. */
  record RecallNames(long session, long directory, long lease) implements Effect {}

  /** Answers a NamesChanged. */
  record AnswerChange(long request, ErrorCode code) implements Effect {}

  /** Answers a SettleAttributes. */
  record AnswerAttributes(long request, ErrorCode code) implements Effect {}

  /** Answers a CondemnInode; the token is newer than all before if the code is OK. */
  record AnswerCondemn(long request, ErrorCode code, Token token) implements Effect {}

  /**
   * Whose word on the size of this file counts from now on: a session, {@link #MASTER}, or {@link
   * #UNSETTLED}.
   */
  record SizeOwner(long inode, long session) implements Effect {
    /** Nobody holds the file exclusively: what the master has is right. */
    public static final long MASTER = 0;

    /** The members are being settled: whoever asks has to wait. */
    public static final long UNSETTLED = -1;
  }
}
