package io.lockstep.replication.transaction;

import io.lockstep.core.ErrorCode;
import java.util.List;

/**
 * Immutable. What an event of a {@link Transaction} leads to, executed in the order of the list.
 * Done is the last effect of all.
 */
public sealed interface Effect {
  /**
   * Send the change to this member, at this epoch, with these members absent; onReply with this
   * round.
   */
  record Send(int round, int member, long epoch, List<Integer> absent) implements Effect {
    public Send {
      absent = List.copyOf(absent);
    }
  }

  /** Tell the master that this member failed; onReportAnswered. */
  record Report(long epoch, int member, long incarnation, ErrorCode code) implements Effect {}

  /** Ask the master for the configuration; onConfig if one comes. */
  record FetchConfig() implements Effect {}

  /** Call onPause with this number after a short while: something is tried again. */
  record Pause(int pause) implements Effect {}

  /**
   * The end.
   *
   * @param code OK: it is on every RW and WO member of the configuration of {@code epoch}, and
   *     pending marks stand for the others
   * @param leaseLost a member knows a newer token, or the session has ended
   * @param sent with a failure: whether some member may have executed it
   * @param epoch the configuration it ended in
   * @param absent the members that took no part
   */
  record Done(ErrorCode code, boolean leaseLost, boolean sent, long epoch, List<Integer> absent)
      implements Effect {
    public Done {
      absent = List.copyOf(absent);
    }
  }
}
