package io.lockstep.metadata.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.SetConfig;
import io.lockstep.core.Token;
import io.lockstep.metadata.namespace.Namespace;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.ListMarks;
import io.lockstep.wire.message.ListMarksReply;
import io.lockstep.wire.message.ObjectState;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SettleOrphans;
import io.lockstep.wire.message.SettleOrphansReply;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the master agent. Settles objects after unclean ends (P1): one for lockd, all dirty
 * ones of a closed set, and those that nobody's lease covers.
 */
final class Settler {
  private static final Logger LOG = LoggerFactory.getLogger(Settler.class);
  private static final int AT_ONCE_MAX = 16;
  private static final int WAITING_MAX = 1 << 17;
  private static final int MARKS_PER_PAGE = 512;
  private static final long RETRY_NS = TimeUnit.MILLISECONDS.toNanos(200);

  private final Ports ports;
  private final Namespace namespace;
  private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
  private final long patienceNs;
  private SetBoard board;
  private int running;
  private long beginNs;

  /**
   * @param patienceNs a new leader blames no member before
   */
  Settler(Ports ports, Namespace namespace, long patienceNs) {
    this.ports = ports;
    this.namespace = namespace;
    this.patienceNs = patienceNs;
  }

  /** This master begins to lead. */
  void begin() {
    beginNs = ports.nowNs();
  }

  /** The sets, which in turn ask this to settle closed ones. */
  void wire(SetBoard sets) {
    board = sets;
  }

  /**
   * Settles one object of an open set; tries again over changes of the configuration until the
   * deadline. A member that does not answer becomes ERR.
   */
  void settleInode(long inode, long set, Token token, long deadlineNs, Consumer<Reply> then) {
    SetConfig config = board.config(set);
    if (config == null || ports.read(state -> namespace.attributes(state, inode)) == null) {
      then.accept(Replies.OK);
    } else if (!config.open()) {
      retryInode(inode, set, token, deadlineNs, ErrorCode.SET_CLOSED, then);
    } else {
      enqueue(
          () ->
              new ObjectSettling(
                      ports,
                      namespace,
                      config,
                      config.writers(),
                      inode,
                      token,
                      result -> {
                        leave();
                        onResult(inode, config, token, deadlineNs, result, then);
                      })
                  .start(),
          then);
    }
  }

  private void onResult(
      long inode,
      SetConfig config,
      Token token,
      long deadlineNs,
      ObjectSettling.Result result,
      Consumer<Reply> then) {
    if (result.code().isOk()) {
      then.accept(Replies.OK);
    } else if (result.code() == ErrorCode.STALE_TOKEN) {
      then.accept(
          Replies.failure(
              ErrorCode.STALE_TOKEN, "inode " + inode + " has a newer token than " + token));
    } else if (result.failed() == null) {
      retryInode(inode, config.set(), token, deadlineNs, result.code(), then);
    } else {
      blame(
          config,
          result.failed(),
          result.code(),
          reply -> retryInode(inode, config.set(), token, deadlineNs, result.code(), then));
    }
  }

  private void retryInode(
      long inode, long set, Token token, long deadlineNs, ErrorCode code, Consumer<Reply> then) {
    if (ports.nowNs() - deadlineNs >= 0) {
      then.accept(Replies.failure(code, "inode " + inode + " is not settled yet"));
    } else {
      ports.after(RETRY_NS, () -> settleInode(inode, set, token, deadlineNs, then));
    }
  }

  /** Settles what is dirty in a closed set among {@code members} (P3). */
  void settleAll(SetConfig config, List<Member> members, Consumer<Boolean> then) {
    listDirty(
        config,
        members,
        listed -> {
          if (listed.failed() != null) {
            then.accept(false);
            return;
          }
          Set<Long> dirty = listed.inodes();
          LOG.info("set {}: {} objects to settle before it opens", config.set(), dirty.size());
          settleEach(config, members, dirty, then);
        });
  }

  private void settleEach(
      SetConfig config, List<Member> members, Set<Long> dirty, Consumer<Boolean> then) {
    if (dirty.isEmpty()) {
      then.accept(true);
      return;
    }
    int[] left = {dirty.size()};
    boolean[] complete = {true};
    Consumer<Boolean> one =
        settled -> {
          complete[0] &= settled;
          left[0]--;
          if (left[0] == 0) {
            then.accept(complete[0]);
          }
        };
    for (long inode : dirty) {
      enqueue(
          () ->
              new ObjectSettling(
                      ports,
                      namespace,
                      config,
                      members,
                      inode,
                      Token.NONE,
                      result -> {
                        leave();
                        if (!result.code().isOk()) {
                          LOG.warn("inode {} is not settled: {}", inode, result);
                        }
                        one.accept(result.code().isOk());
                      })
                  .start(),
          reply -> one.accept(false));
    }
  }

  /** Settles every dirty object that no lease covers, set after set. */
  void settleOrphans(SettleOrphans request, long deadlineNs, Consumer<Reply> then) {
    Set<Long> covered = new HashSet<>();
    request.getCoveredList().forEach(each -> covered.add(each.getInode()));
    ArrayDeque<Long> sets = new ArrayDeque<>();
    board.configs().forEach(config -> sets.add(config.set()));
    new Sweep(sets, covered, Convert.token(request.getSeal()), deadlineNs, then).next();
  }

  /** Confined to the master agent. One sweep over all sets. */
  private final class Sweep {
    private final ArrayDeque<Long> sets;
    private final Set<Long> covered;
    private final Token seal;
    private final long deadlineNs;
    private final Consumer<Reply> then;
    private final SettleOrphansReply.Builder swept = SettleOrphansReply.newBuilder();
    private Reply worst = Replies.OK;

    Sweep(
        ArrayDeque<Long> sets,
        Set<Long> covered,
        Token seal,
        long deadlineNs,
        Consumer<Reply> then) {
      this.sets = sets;
      this.covered = covered;
      this.seal = seal;
      this.deadlineNs = deadlineNs;
      this.then = then;
    }

    void next() {
      Long set = sets.peek();
      SetConfig config = set == null ? null : board.config(set);
      if (set == null) {
        then.accept(
            Replies.isOk(worst) ? Reply.newBuilder().setSettleOrphans(swept).build() : worst);
      } else if (config == null) {
        sets.remove();
        next();
      } else if (!config.open()) {
        // It is settled whole before it opens, and not before.
        skip(set);
      } else {
        listDirty(config, config.writers(), listed -> onListed(config, listed));
      }
    }

    private void skip(long set) {
      swept.addUnswept(set);
      sets.remove();
      next();
    }

    private void onListed(SetConfig config, Listed listed) {
      Member failed = listed.failed();
      if (failed == null) {
        sets.remove();
        listed.inodes().removeAll(covered);
        settleOrphansOf(
            config.set(),
            listed.inodes(),
            seal,
            deadlineNs,
            reply -> {
              worst = Replies.isOk(reply) ? worst : reply;
              next();
            });
      } else if (config.readers().size() == 1 && failed.mode() == MemberMode.RW) {
        // Nothing of this set can be read or written; a new run of its last member closes it.
        skip(config.set());
      } else if (ports.nowNs() - deadlineNs >= 0) {
        sets.remove();
        worst = Replies.failure(listed.code(), "member " + failed.id() + " lists no marks");
        next();
      } else {
        blame(config, failed, listed.code(), reply -> ports.after(RETRY_NS, this::next));
      }
    }
  }

  /** No answer = ERR (P1), if the rules for reports allow it. */
  private void blame(SetConfig config, Member failed, ErrorCode code, Consumer<Reply> then) {
    LOG.info("set {}: member {} answered {}", config.set(), failed.id(), code);
    boolean early = ports.nowNs() - beginNs < patienceNs;
    if (early) {
      // A daemon that started with this master has not announced its address yet.
      then.accept(Replies.OK);
    } else {
      board.onReport(config.set(), config.epoch(), failed.id(), failed.incarnation(), code, then);
    }
  }

  private void settleOrphansOf(
      long set, Set<Long> dirty, Token seal, long deadlineNs, Consumer<Reply> then) {
    if (dirty.isEmpty()) {
      then.accept(Replies.OK);
      return;
    }
    LOG.info("set {}: {} objects with marks of ended leases to settle", set, dirty.size());
    int[] left = {dirty.size()};
    Reply[] worst = {Replies.OK};
    for (long inode : dirty) {
      settleInode(
          inode,
          set,
          seal,
          deadlineNs,
          reply -> {
            // A newer token means a new holder, who will clear the mark.
            if (!Replies.isOk(reply) && Replies.code(reply) != ErrorCode.STALE_TOKEN) {
              worst[0] = reply;
            }
            left[0]--;
            if (left[0] == 0) {
              then.accept(worst[0]);
            }
          });
    }
  }

  /**
   * What ListMarks found.
   *
   * @param inodes that are dirty on one of the members; not all of them if one failed
   * @param failed a member that did not answer, or null
   */
  private record Listed(Set<Long> inodes, Member failed, ErrorCode code) {}

  private void listDirty(SetConfig config, List<Member> members, Consumer<Listed> then) {
    Set<Long> dirty = new TreeSet<>();
    int[] left = {members.size()};
    Listed[] failure = {null};
    for (Member member : members) {
      listDirty(
          config,
          member,
          0,
          dirty,
          code -> {
            if (!code.isOk()) {
              failure[0] = new Listed(dirty, member, code);
            }
            left[0]--;
            if (left[0] == 0) {
              then.accept(failure[0] == null ? new Listed(dirty, null, code) : failure[0]);
            }
          });
    }
  }

  private void listDirty(
      SetConfig config, Member member, long cursor, Set<Long> dirty, Consumer<ErrorCode> then) {
    Request request =
        Request.newBuilder()
            .setListMarks(
                ListMarks.newBuilder()
                    .setSet(config.set())
                    .setEpoch(config.epoch())
                    .setCursor(cursor)
                    .setEntriesMax(MARKS_PER_PAGE))
            .build();
    ports.ask(
        member.daemon(),
        request,
        ports.times().memberCallNs(),
        reply -> {
          if (!Replies.isOk(reply)) {
            LOG.info(
                "set {}: member {} lists no marks: {} {}",
                config.set(),
                member.id(),
                Replies.code(reply),
                reply.getMessage());
            then.accept(Replies.code(reply));
            return;
          }
          ListMarksReply marks = reply.getListMarks();
          for (ObjectState state : marks.getObjectsList()) {
            if (state.getDirty() || ObjectSettling.isHalfSettled(member, state)) {
              dirty.add(state.getInode());
            }
          }
          if (marks.getEnd() || marks.getObjectsCount() == 0) {
            then.accept(ErrorCode.OK);
          } else {
            long last = marks.getObjects(marks.getObjectsCount() - 1).getInode();
            listDirty(config, member, last, dirty, then);
          }
        });
  }

  private void enqueue(Runnable start, Consumer<Reply> onFull) {
    if (running < AT_ONCE_MAX) {
      running++;
      start.run();
    } else if (waiting.size() < WAITING_MAX) {
      waiting.add(start);
    } else {
      onFull.accept(Replies.failure(ErrorCode.BUSY, "too many objects wait to be settled"));
    }
  }

  private void leave() {
    Runnable next = waiting.poll();
    if (next == null) {
      running--;
    } else {
      next.run();
    }
  }
}
