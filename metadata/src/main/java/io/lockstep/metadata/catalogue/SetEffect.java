package io.lockstep.metadata.catalogue;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.SetConfig;
import java.util.List;

/**
 * What a {@link SetKeeper} wants done. The order within one step matters only in that an answer to
 * a report comes after the configuration that it speaks of was pushed.
 */
public sealed interface SetEffect {
  /**
   * Log {@code config} if the epoch is still {@code expectedEpoch}; then {@link SetKeeper#onLogged}
   * or {@link SetKeeper#onProposalFailed}. At most one at a time.
   */
  record Propose(long expectedEpoch, SetConfig config, String reason) implements SetEffect {}

  /** Send AdoptConfig; then {@link SetKeeper#onAdopted} or {@link SetKeeper#onAdoptFailed}. */
  record Adopt(Member member, SetConfig config, boolean heal) implements SetEffect {}

  /** Tell every client of the volume. May get lost: clients also learn by renewals and refusals. */
  record Push(SetConfig config) implements SetEffect {}

  /** Answer the report with this ticket. */
  record Answer(long ticket, ErrorCode code, SetConfig config, String message)
      implements SetEffect {}

  /**
   * Ask each of {@code sources} whether a pending mark for {@code member} stands there; then {@link
   * SetKeeper#onPendingAnswered} with the same round.
   */
  record AskPending(long round, SetConfig config, Member member, List<Member> sources)
      implements SetEffect {}

  /**
   * Settle every object that is dirty on one of {@code members}, among them; then {@link
   * SetKeeper#onSettled} with the same round. The set is closed, so nobody writes meanwhile.
   */
  record SettleAll(long round, SetConfig config, List<Member> members) implements SetEffect {}
}
