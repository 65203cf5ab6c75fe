package io.lockstep.lockd.lease;

import io.lockstep.core.ErrorCode;
import java.util.ArrayList;
import java.util.List;

/**
 * Confined to the agent of its table. Those who wait for the size and times of one file.
 *
 * <p>One query is under way at a time. Who comes later waits for the next: the holder may have
 * answered the present one before the write that the later asker already knows of.
 */
final class AttributeQueries {
  private record Asker(long request, long deadlineNs) {}

  private final long inode;
  private final LeaseBook book;
  private List<Asker> asked = new ArrayList<>();
  private List<Asker> next = new ArrayList<>();

  /** The query under way, or 0. */
  private long query;

  private Repeat repeat;

  AttributeQueries(long inode, LeaseBook book) {
    this.inode = inode;
    this.book = book;
  }

  boolean isEmpty() {
    return asked.isEmpty() && next.isEmpty();
  }

  /** Refused when the queue is full. */
  void add(long request, long deadlineNs) {
    if (asked.size() + next.size() >= book.limits.waitersPerInodeMax()) {
      book.emit(new Effect.AnswerAttributes(request, ErrorCode.BUSY));
      return;
    }
    next.add(new Asker(request, deadlineNs));
  }

  /** Asks the holder if somebody waits and no query is under way. */
  void maybeAsk(Lease holder, long nowNs) {
    if (query != 0 || next.isEmpty()) {
      return;
    }
    asked = next;
    next = new ArrayList<>();
    query = book.nextQuery();
    repeat = new Repeat(book.limits.recallPauseNs(), book.limits.recallPauseMaxNs(), nowNs);
    book.emit(new Effect.Query(holder.session, inode, holder.id, query));
  }

  /** The holder has told the master: answers those who asked before that. */
  void onAnswer(Lease holder, long answered, long nowNs) {
    if (answered != query || query == 0) {
      return;
    }
    query = 0;
    answer(asked);
    asked = new ArrayList<>();
    maybeAsk(holder, nowNs);
  }

  /** What the master has is right: nobody has to wait. */
  void answerAll() {
    query = 0;
    answer(asked);
    answer(next);
    asked = new ArrayList<>();
    next = new ArrayList<>();
  }

  /** The holder is gone without an answer; those who asked wait on for what comes after it. */
  void forgetHolder() {
    query = 0;
    asked.addAll(next);
    next = asked;
    asked = new ArrayList<>();
  }

  /**
   * @param holder who can be asked, or null
   */
  void onTick(Lease holder, long nowNs) {
    expire(asked, nowNs);
    expire(next, nowNs);
    if (asked.isEmpty()) {
      query = 0;
    }
    if (holder == null) {
      return;
    }
    if (query != 0 && repeat.isDue(nowNs)) {
      book.emit(new Effect.Query(holder.session, inode, holder.id, query));
    }
    maybeAsk(holder, nowNs);
  }

  private void answer(List<Asker> askers) {
    for (Asker asker : askers) {
      book.emit(new Effect.AnswerAttributes(asker.request, ErrorCode.OK));
    }
  }

  private void expire(List<Asker> askers, long nowNs) {
    for (Asker asker : askers) {
      if (nowNs - asker.deadlineNs >= 0) {
        book.emit(new Effect.AnswerAttributes(asker.request, ErrorCode.LEASE_TIMEOUT));
      }
    }
    askers.removeIf(asker -> nowNs - asker.deadlineNs >= 0);
  }
}
