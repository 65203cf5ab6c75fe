package io.lockstep.metadata.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.SetConfig;
import io.lockstep.core.Token;
import io.lockstep.metadata.namespace.Namespace;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.CollectInodes;
import io.lockstep.wire.message.CondemnInode;
import io.lockstep.wire.message.ConfirmDead;
import io.lockstep.wire.message.DeadRecord;
import io.lockstep.wire.message.DeleteObjects;
import io.lockstep.wire.message.ForgetTombstones;
import io.lockstep.wire.message.LogOperation;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.WakeDead;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the master agent. The end of inodes and of their objects (P15):
 *
 * <pre>
 * orphan that nobody has open -> condemned at lockd -> collected in the log, a dead record stands
 *   -> objects deleted at the members -> all confirmed: tombstones forgotten, record gone
 *                                     -> some are ERR: the record waits until they are back
 * </pre>
 *
 * <p>Each step can be repeated: a leader that finds one half-way does it again.
 */
final class Reaper {
  private static final Logger LOG = LoggerFactory.getLogger(Reaper.class);
  private static final int ORPHANS_AT_ONCE = 128;
  private static final int DEAD_AT_ONCE = 1024;
  private static final int WAKE_AT_ONCE = 1000;
  private static final long CONDEMN_NS = TimeUnit.SECONDS.toNanos(15);

  private final Ports ports;
  private final Namespace namespace;
  private final OpenTable openTable;
  private final SetBoard board;
  private final Set<Long> wakes = new HashSet<>();
  private long run;
  private long orphanCursor;
  private long deadFrom;
  private boolean collecting;
  private boolean deleting;

  Reaper(Ports ports, Namespace namespace, OpenTable openTable, SetBoard board) {
    this.ports = ports;
    this.namespace = namespace;
    this.openTable = openTable;
    this.board = board;
  }

  /** This master begins to lead, or leads no more: what was under way belongs to the past. */
  void begin() {
    run++;
    orphanCursor = 0;
    deadFrom = 0;
    collecting = false;
    deleting = false;
    wakes.clear();
    board.configs().forEach(this::onConfig);
  }

  /** A member that is back may have missed deletions. */
  void onConfig(SetConfig config) {
    if (config.absent().isEmpty()) {
      wakes.add(config.set());
    }
  }

  /** About every half second, and again at once while there is much to do. */
  void tick() {
    if (!collecting && openTable.isComplete()) {
      collectOrphans();
    }
    if (!wakes.isEmpty()) {
      long set = wakes.iterator().next();
      wakes.remove(set);
      wake(set);
    }
    if (!deleting) {
      deleteDead();
    }
  }

  // ---- orphans

  private void collectOrphans() {
    List<Long> orphans =
        ports.read(state -> namespace.orphans(state, orphanCursor, ORPHANS_AT_ONCE));
    if (orphans == null || orphans.isEmpty()) {
      orphanCursor = 0;
      return;
    }
    orphanCursor = orphans.get(orphans.size() - 1);
    List<Long> taken = orphans.stream().filter(openTable::tryCondemn).toList();
    if (taken.isEmpty()) {
      return;
    }
    collecting = true;
    CollectInodes.Builder collect = CollectInodes.newBuilder();
    int[] left = {taken.size()};
    long started = run;
    for (long inode : taken) {
      condemn(
          inode,
          token -> {
            if (token != null) {
              collect.addItems(
                  CollectInodes.Item.newBuilder().setInode(inode).setToken(Convert.message(token)));
            } else {
              openTable.absolve(inode);
            }
            left[0]--;
            if (left[0] == 0 && started == run) {
              collect(collect.build());
            }
          });
    }
  }

  private interface OnCondemned {
    /**
     * @param token that fences every holder; null = not condemned, try again later
     */
    void onCondemned(Token token);
  }

  private void condemn(long inode, OnCondemned then) {
    Attributes attributes = ports.read(state -> namespace.attributes(state, inode));
    if (attributes == null || attributes.getSet() == 0) {
      // No object, no lease that anybody would need to lose.
      then.onCondemned(attributes == null ? null : Token.NONE);
      return;
    }
    Request request =
        Request.newBuilder()
            .setCondemnInode(CondemnInode.newBuilder().setInode(inode).setSet(attributes.getSet()))
            .build();
    ports.askLockd(
        request,
        CONDEMN_NS,
        reply -> {
          if (!Replies.isOk(reply) && Replies.code(reply) != ErrorCode.IN_GRACE) {
            LOG.debug("inode {} is not condemned: {}", inode, reply.getMessage());
          }
          then.onCondemned(
              Replies.isOk(reply) ? Convert.token(reply.getLeaseGrant().getToken()) : null);
        });
  }

  private void collect(CollectInodes collect) {
    if (collect.getItemsCount() == 0) {
      collecting = false;
      return;
    }
    long started = run;
    ports.log(
        LogOperation.newBuilder().setCollectInodes(collect),
        reply -> {
          collect.getItemsList().forEach(item -> openTable.absolve(item.getInode()));
          if (started == run) {
            collecting = false;
            tick();
          }
        });
  }

  // ---- dead objects

  private void deleteDead() {
    List<DeadRecord> dead = ports.catalogue(catalogue -> catalogue.dead(deadFrom, DEAD_AT_ONCE));
    if (dead == null || dead.isEmpty()) {
      deadFrom = 0;
      return;
    }
    long set = dead.get(0).getSet();
    List<DeadRecord> ofSet = dead.stream().filter(record -> record.getSet() == set).toList();
    SetConfig config = board.config(set);
    // The next look begins behind this set, so that one that is stuck holds up no other.
    deadFrom = set + 1;
    if (config == null || !config.open()) {
      return;
    }
    deleting = true;
    long started = run;
    Token newest =
        ofSet.stream()
            .map(record -> Convert.token(record.getToken()))
            .reduce(Token.NONE, (a, b) -> a.isOlderThan(b) ? b : a);
    List<Long> inodes = ofSet.stream().map(DeadRecord::getInode).toList();
    Request request =
        Request.newBuilder()
            .setDeleteObjects(
                DeleteObjects.newBuilder()
                    .setSet(set)
                    .setEpoch(config.epoch())
                    .setToken(Convert.message(newest))
                    .addAllInodes(inodes))
            .build();
    ports.askAll(
        config.writers(),
        member -> request,
        ports.times().memberCallNs(),
        replies -> {
          if (started == run) {
            onDeleted(config, inodes, ofSet, replies);
          }
        });
  }

  private void onDeleted(
      SetConfig config, List<Long> inodes, List<DeadRecord> dead, Map<Integer, Reply> replies) {
    boolean all = replies.values().stream().allMatch(Replies::isOk);
    if (!all || replies.isEmpty()) {
      replies.forEach(
          (member, reply) -> {
            if (!Replies.isOk(reply)) {
              LOG.debug(
                  "set {} member {} did not delete: {} {}",
                  config.set(),
                  member,
                  Replies.code(reply),
                  reply.getMessage());
            }
          });
      deleting = false;
      return;
    }
    List<Integer> confirmed = config.writers().stream().map(Member::id).toList();
    boolean complete =
        dead.stream()
            .allMatch(
                record ->
                    config.absent().stream()
                        .allMatch(id -> record.getConfirmedList().contains(id)));
    if (!complete) {
      confirm(config.set(), confirmed, inodes);
      return;
    }
    // Before the record goes: a tombstone that nobody would forget any more is a leak.
    Request forget =
        Request.newBuilder()
            .setForgetTombstones(
                ForgetTombstones.newBuilder().setSet(config.set()).addAllInodes(inodes))
            .build();
    long started = run;
    ports.askAll(
        config.members(),
        member -> forget,
        ports.times().memberCallNs(),
        forgotten -> {
          if (started == run) {
            confirm(config.set(), confirmed, inodes);
          }
        });
  }

  private void confirm(long set, List<Integer> members, List<Long> inodes) {
    long started = run;
    ports.log(
        LogOperation.newBuilder()
            .setConfirmDead(
                ConfirmDead.newBuilder().setSet(set).addAllMembers(members).addAllInodes(inodes)),
        reply -> {
          if (started == run) {
            deleting = false;
            if (Replies.isOk(reply) && inodes.size() == DEAD_AT_ONCE) {
              deadFrom = set;
              deleteDead();
            }
          }
        });
  }

  private void wake(long set) {
    long started = run;
    boolean any = Boolean.TRUE.equals(ports.catalogue(catalogue -> catalogue.hasWaitingDead(set)));
    if (any) {
      ports.log(
          LogOperation.newBuilder()
              .setWakeDead(WakeDead.newBuilder().setSet(set).setRecordsMax(WAKE_AT_ONCE)),
          reply -> {
            if (started == run && Replies.code(reply) == ErrorCode.BUSY) {
              wakes.add(set);
            }
          });
    }
  }
}
