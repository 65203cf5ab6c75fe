package io.lockstep.metadata.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.SetConfig;
import io.lockstep.metadata.catalogue.Catalogue;
import io.lockstep.metadata.catalogue.VolumeOperations;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.AddVolume;
import io.lockstep.wire.message.CreateVolume;
import io.lockstep.wire.message.DeleteReplica;
import io.lockstep.wire.message.DeleteVolume;
import io.lockstep.wire.message.EnsureReplica;
import io.lockstep.wire.message.LogOperation;
import io.lockstep.wire.message.MemberMessage;
import io.lockstep.wire.message.PublishVolume;
import io.lockstep.wire.message.RemoveVolume;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.RetireVolume;
import io.lockstep.wire.message.SetRecord;
import io.lockstep.wire.message.VolumeRecord;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the master agent. Makes and deletes volumes: steps in the log, replicas at the
 * daemons between them. A leader that finds a volume half-way goes on with it.
 */
final class Volumes {
  private static final Logger LOG = LoggerFactory.getLogger(Volumes.class);
  private static final long RETRY_NS = TimeUnit.MILLISECONDS.toNanos(500);

  /** A command waits a little longer, so that it hears why. */
  private static final long CREATE_NS = TimeUnit.SECONDS.toNanos(25);

  private static final long DELETE_RETRY_NS = TimeUnit.SECONDS.toNanos(5);
  private static final int ROWS_PER_ENTRY = 1000;

  private final Ports ports;
  private final Daemons daemons;
  private final Set<Long> underWay = new HashSet<>();

  /** Who waits for the volumes that are being made. */
  private final Map<Long, List<Consumer<Reply>>> making = new HashMap<>();

  private long run;

  Volumes(Ports ports, Daemons daemons) {
    this.ports = ports;
    this.daemons = daemons;
  }

  /** This master begins to lead: what stands half-way goes on. */
  void begin(List<VolumeRecord> volumes) {
    run++;
    underWay.clear();
    making.clear();
    for (VolumeRecord volume : volumes) {
      if (volume.getState() == VolumeRecord.State.CREATING) {
        make(volume, ports.nowNs() + CREATE_NS, reply -> {});
      } else if (volume.getState() == VolumeRecord.State.DELETING) {
        remove(volume);
      }
    }
  }

  // ---- create

  void create(CreateVolume request, long timeoutNs, Consumer<Reply> then) {
    int replicas = request.getReplicas();
    int minReplicas = request.getMinReplicas() == 0 ? replicas / 2 + 1 : request.getMinReplicas();
    String bad = VolumeOperations.badName(request.getName());
    if (bad == null && (replicas < 1 || replicas > Limits.MEMBERS_MAX)) {
      bad = "a volume has 1 to " + Limits.MEMBERS_MAX + " replicas, not " + replicas;
    }
    if (bad == null && (minReplicas < 1 || minReplicas > replicas)) {
      bad = "min-replicas must be 1 to " + replicas + ", not " + request.getMinReplicas();
    }
    if (bad != null) {
      then.accept(Replies.failure(ErrorCode.INVALID_ARGUMENT, bad));
      return;
    }
    long wish = request.getWish();
    VolumeRecord there = ports.catalogue(catalogue -> catalogue.volume(request.getName()));
    if (there != null && !VolumeOperations.isMadeFor(there, wish)) {
      then.accept(
          Replies.failure(
              ErrorCode.EXISTS, "there is a volume named '" + request.getName() + "' already"));
      return;
    }
    // Tries of the same wish follow each other: not the time of the first one alone counts.
    boolean limited = wish == 0 && timeoutNs > 0;
    long deadlineNs = ports.nowNs() + (limited ? Math.min(timeoutNs, CREATE_NS) : CREATE_NS);
    if (there != null) {
      make(there, deadlineNs, then);
      return;
    }
    List<Daemons.Daemon> chosen = daemons.choose(replicas, ports.nowNs());
    if (chosen.size() < replicas) {
      then.accept(
          Replies.failure(
              ErrorCode.NOT_ENOUGH_REPLICAS,
              String.format(
                  "volume '%s' with %d replicas needs %d storage daemons, %d are running",
                  request.getName(), replicas, replicas, chosen.size())));
      return;
    }
    AddVolume.Builder add =
        AddVolume.newBuilder()
            .setName(request.getName())
            .setReplicas(replicas)
            .setMinReplicas(minReplicas)
            .setWish(wish);
    if (request.hasRoot()) {
      add.setRoot(request.getRoot());
    }
    for (Daemons.Daemon daemon : chosen) {
      add.addMembers(
          MemberMessage.newBuilder()
              .setId(add.getMembersCount() + 1)
              .setDaemon(Convert.message(daemon.id()))
              .setMode(MemberMode.RW.number())
              .setIncarnation(daemon.incarnation()));
    }
    ports.log(
        LogOperation.newBuilder().setAddVolume(add),
        reply -> {
          if (!Replies.isOk(reply)) {
            then.accept(reply);
            return;
          }
          long id = reply.getVolume().getVolume().getVolume();
          make(ports.catalogue(catalogue -> catalogue.volume(id)), deadlineNs, then);
        });
  }

  /**
   * Ensures the replicas of a volume that is being created, then publishes it. Who comes while that
   * is under way gets the same answer.
   */
  private void make(VolumeRecord volume, long deadlineNs, Consumer<Reply> then) {
    if (volume.getState() == VolumeRecord.State.LIVE) {
      then.accept(made(volume));
      return;
    }
    long id = volume.getVolume();
    List<Consumer<Reply>> waiting = making.get(id);
    if (waiting != null) {
      waiting.add(then);
      return;
    }
    List<Consumer<Reply>> all = new ArrayList<>(List.of(then));
    making.put(id, all);
    ensureAll(
        volume,
        deadlineNs,
        reply -> {
          if (making.get(id) == all) {
            making.remove(id);
          }
          all.forEach(each -> each.accept(reply));
        });
  }

  private Reply made(VolumeRecord volume) {
    return ports.catalogue(catalogue -> VolumeOperations.reply(catalogue, volume));
  }

  private void ensureAll(VolumeRecord volume, long deadlineNs, Consumer<Reply> then) {
    List<SetConfig> sets = configs(volume);
    int[] left = {sets.stream().mapToInt(set -> set.members().size()).sum()};
    Reply[] failure = {null};
    for (SetConfig set : sets) {
      for (Member member : set.members()) {
        ensure(
            volume,
            set,
            member,
            deadlineNs,
            reply -> {
              if (!Replies.isOk(reply)) {
                failure[0] = reply;
              }
              left[0]--;
              if (left[0] == 0) {
                onEnsured(volume, failure[0], then);
              }
            });
      }
    }
  }

  private void ensure(
      VolumeRecord volume, SetConfig set, Member member, long deadlineNs, Consumer<Reply> then) {
    Request request =
        Request.newBuilder()
            .setEnsureReplica(
                EnsureReplica.newBuilder()
                    .setSet(set.set())
                    .setVolume(volume.getVolume())
                    .setConfig(Convert.message(set, daemons.addresses())))
            .build();
    long started = run;
    ports.ask(
        member.daemon(),
        request,
        ports.times().memberCallNs(),
        reply -> {
          ErrorCode code = Replies.code(reply);
          boolean again = code.advice() == ErrorCode.Advice.RETRY && ports.nowNs() - deadlineNs < 0;
          if (again && started == run) {
            ports.after(RETRY_NS, () -> ensure(volume, set, member, deadlineNs, then));
          } else if (code.isOk()) {
            then.accept(reply);
          } else {
            then.accept(
                Replies.failure(
                    ErrorCode.NOT_ENOUGH_REPLICAS,
                    String.format(
                        "daemon %s at %s cannot make a replica: %s %s",
                        member.daemon(),
                        ports.address(member.daemon()),
                        code,
                        reply.getMessage())));
          }
        });
  }

  private void onEnsured(VolumeRecord volume, Reply failure, Consumer<Reply> then) {
    if (failure == null) {
      ports.log(
          LogOperation.newBuilder()
              .setPublishVolume(PublishVolume.newBuilder().setVolume(volume.getVolume())),
          then);
      return;
    }
    VolumeRecord now = ports.catalogue(catalogue -> catalogue.volume(volume.getVolume()));
    if (now != null && now.getState() == VolumeRecord.State.LIVE) {
      // Published after all: somebody may use it.
      then.accept(made(now));
      return;
    }
    LOG.warn("volume '{}' is not made: {}", volume.getName(), failure.getMessage());
    retire(volume, true, reply -> then.accept(failure));
  }

  // ---- delete

  void delete(DeleteVolume request, Consumer<Reply> then) {
    VolumeRecord volume = ports.catalogue(catalogue -> catalogue.volume(request.getName()));
    if (volume == null) {
      then.accept(
          Replies.failure(
              ErrorCode.NOT_FOUND, "there is no volume named '" + request.getName() + "'"));
    } else {
      retire(volume, request.getForce(), then);
    }
  }

  /** From here on it cannot be opened; the rest goes on in the background. */
  private void retire(VolumeRecord volume, boolean force, Consumer<Reply> then) {
    ports.log(
        LogOperation.newBuilder()
            .setRetireVolume(
                RetireVolume.newBuilder().setVolume(volume.getVolume()).setForce(force)),
        reply -> {
          if (Replies.isOk(reply)) {
            remove(volume);
          }
          then.accept(reply);
        });
  }

  private void remove(VolumeRecord volume) {
    if (underWay.add(volume.getVolume())) {
      List<Runnable> deletions = new ArrayList<>();
      int[] left = {0};
      for (SetConfig set : configs(volume)) {
        for (Member member : set.members()) {
          left[0]++;
          deletions.add(
              () ->
                  deleteReplica(
                      set.set(),
                      member.daemon(),
                      run,
                      () -> {
                        left[0]--;
                        if (left[0] == 0) {
                          removeInodes(volume, run);
                        }
                      }));
        }
      }
      deletions.forEach(Runnable::run);
    }
  }

  /** Until the daemon says that it is gone: one that is away deletes it when it is back. */
  private void deleteReplica(long set, UUID daemon, long started, Runnable then) {
    if (started != run) {
      return;
    }
    ports.ask(
        daemon,
        Request.newBuilder().setDeleteReplica(DeleteReplica.newBuilder().setSet(set)).build(),
        ports.times().memberCallNs(),
        reply -> {
          ErrorCode code = Replies.code(reply);
          if (code.isOk() || code == ErrorCode.NO_REPLICA) {
            then.run();
          } else {
            ports.after(DELETE_RETRY_NS, () -> deleteReplica(set, daemon, started, then));
          }
        });
  }

  private void removeInodes(VolumeRecord volume, long started) {
    if (started != run) {
      return;
    }
    ports.log(
        LogOperation.newBuilder()
            .setRemoveVolume(
                RemoveVolume.newBuilder().setVolume(volume.getVolume()).setRowsMax(ROWS_PER_ENTRY)),
        reply -> {
          if (Replies.isOk(reply)) {
            underWay.remove(volume.getVolume());
          } else {
            long pauseNs = Replies.code(reply) == ErrorCode.BUSY ? 0 : RETRY_NS;
            ports.after(pauseNs, () -> removeInodes(volume, started));
          }
        });
  }

  private List<SetConfig> configs(VolumeRecord volume) {
    List<SetConfig> configs = new ArrayList<>();
    for (long id : volume.getSetsList()) {
      SetRecord record = ports.catalogue(catalogue -> catalogue.set(id));
      if (record != null) {
        configs.add(Catalogue.config(record));
      }
    }
    return configs;
  }
}
