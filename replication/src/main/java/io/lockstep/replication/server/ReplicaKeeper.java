package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.replication.marks.ObjectMarks;
import io.lockstep.replication.registry.ReplicaRecord;
import io.lockstep.replication.registry.ReplicaRegistry;
import io.lockstep.replication.registry.ReplicaState;
import io.lockstep.replication.registry.Verify;
import io.lockstep.replication.store.ObjectKey;
import io.lockstep.wire.message.EnsureReplica;
import io.lockstep.wire.message.SetConfigMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the control agent, but for {@link #open}, which runs before it. Creates, opens,
 * deletes and verifies replicas: the registry decides, each of its steps is durable before the disk
 * is touched, and the disk is the truth when the daemon starts (I6, I7).
 */
final class ReplicaKeeper {
  private static final Logger LOG = LoggerFactory.getLogger(ReplicaKeeper.class);

  private final DaemonContext context;
  private final ReplicaRegistry registry = new ReplicaRegistry();
  private final Map<Long, List<BiConsumer<ErrorCode, String>>> creating = new HashMap<>();
  private boolean verifying;

  ReplicaKeeper(DaemonContext context) {
    this.context = context;
  }

  /** Scans the disk; nothing is served yet. */
  void open() throws IOException, Outcome {
    List<Path> strays = new ArrayList<>();
    List<Long> directories = context.directories().list(strays);
    for (Path stray : strays) {
      if (!context.directories().finishDelete(stray)) {
        quarantine(stray, "left by a creation that did not finish, or not of Lockstep");
      }
    }
    Map<Long, SetConfigMessage> configs = new HashMap<>();
    context.db().configs().forEach(config -> configs.put(config.getSet(), config));
    List<ReplicaRecord> live = new ArrayList<>();
    for (ReplicaRecord record : context.db().records()) {
      if (record.state() == ReplicaState.LIVE) {
        live.add(record);
      } else {
        finish(record);
      }
    }
    registry.onOpened(live);
    for (ReplicaRecord record : live) {
      openReplica(record, configs.get(record.set()));
    }
    for (long set : context.directories().list(new ArrayList<>())) {
      if (registry.record(set) == null) {
        quarantine(context.directories().directory(set), "no record of this replica");
      }
    }
    LOG.info(
        "{}: {} replicas, {} directories, incarnation {}",
        context.data().root(),
        live.size(),
        directories.size(),
        context.data().incarnation());
  }

  /** A creation that did not reach its end is undone, a deletion is done. */
  private void finish(ReplicaRecord record) throws IOException {
    Path directory = context.directories().directory(record.set());
    boolean created = record.state() != ReplicaState.DELETING;
    if (created && !context.directories().isEmpty(record.set(), record.volume())) {
      quarantine(directory, "found where a replica was being made");
    }
    context.directories().delete(record.set());
    context.db().removeReplica(record.set());
  }

  private void openReplica(ReplicaRecord record, SetConfigMessage config)
      throws IOException, Outcome {
    Replica replica = new Replica(record.set(), view(record.set(), config));
    context.replicas().put(record.set(), replica);
    try {
      context.directories().check(record.set());
    } catch (Outcome e) {
      LOG.error("replica {} is lost: {}", Long.toHexString(record.set()), e.getMessage());
      replica.lose(e.getMessage());
      return;
    }
    List<ObjectKey> dead = new ArrayList<>();
    context
        .db()
        .scan(
            record.set(),
            0,
            false,
            (key, marks) -> {
              replica.onMarks(key.inode(), ObjectMarks.NONE, marks);
              if (marks.tombstone()) {
                dead.add(key);
              }
              return true;
            });
    for (ObjectKey key : dead) {
      Files.deleteIfExists(context.directories().object(key));
    }
    quarantineUnknownFiles(record.set());
  }

  /** A file is made only under a record that is durable, so one without is not ours. */
  private void quarantineUnknownFiles(long set) throws IOException, Outcome {
    List<Path> unknown = new ArrayList<>();
    List<Long> inodes = new ArrayList<>();
    context.directories().listObjects(set, inodes::add, unknown::add);
    for (long inode : inodes) {
      ObjectKey key = new ObjectKey(set, inode);
      if (context.db().marks(key).equals(ObjectMarks.NONE)) {
        unknown.add(context.directories().object(key));
      }
    }
    for (Path path : unknown) {
      quarantine(path, "no record of this object in set " + Long.toHexString(set));
    }
  }

  private Replica.View view(long set, SetConfigMessage config) throws Outcome {
    SetConfigMessage known =
        config == null ? SetConfigMessage.newBuilder().setSet(set).build() : config;
    return Replica.View.of(known, context.data().daemon(), context.data().incarnation());
  }

  private void quarantine(Path found, String reason) throws IOException {
    Path kept =
        context.directories().quarantine(found, reason, context.control().clock().wallTimeNs());
    context.counters().quarantined.increment();
    LOG.warn("{}: {}; moved to {}", found, reason, kept);
  }

  /** Finishes, reuses or begins a creation; {@code onDone} once the replica is LIVE or refused. */
  void ensure(EnsureReplica request, BiConsumer<ErrorCode, String> onDone) {
    long set = request.getSet();
    ReplicaRegistry.Ensure decision = registry.onEnsure(set, request.getVolume(), context.nowNs());
    if (decision instanceof ReplicaRegistry.Ensure.Refuse refuse) {
      onDone.accept(refuse.code(), refuse.reason());
      return;
    }
    if (decision instanceof ReplicaRegistry.Ensure.Reuse) {
      Replica replica = context.replicas().get(set);
      onDone.accept(replica.isLost() ? ErrorCode.NO_REPLICA : ErrorCode.OK, replica.note());
      return;
    }
    creating.computeIfAbsent(set, s -> new ArrayList<>()).add(onDone);
    if (decision instanceof ReplicaRegistry.Ensure.Create create) {
      create(request, create.record());
    }
  }

  private void create(EnsureReplica request, ReplicaRecord reserved) {
    long set = request.getSet();
    try {
      context.db().putRecord(reserved);
      context.db().putRecord(registry.onCreating(set));
    } catch (IOException e) {
      onCreated(request, e);
      return;
    }
    long wallTimeNs = context.control().clock().wallTimeNs();
    context.onIo(
        () -> {
          IOException failure = null;
          try {
            context.directories().ensure(set, request.getVolume(), wallTimeNs);
          } catch (IOException e) {
            failure = e;
          }
          IOException problem = failure;
          context.toControl(() -> onCreated(request, problem));
        });
  }

  private void onCreated(EnsureReplica request, IOException problem) {
    long set = request.getSet();
    ErrorCode code = ErrorCode.OK;
    String message = "";
    try {
      if (problem != null) {
        throw problem;
      }
      SetConfigMessage config = request.getConfig().toBuilder().setSet(set).build();
      Replica.View view = view(set, config);
      context.db().putConfig(config);
      context.db().putRecord(registry.onCreated(set));
      context.replicas().put(set, new Replica(set, view));
      LOG.info("replica {} is LIVE", Long.toHexString(set));
    } catch (IOException e) {
      code = ErrorCode.IO_ERROR;
      message = e.toString();
    } catch (Outcome e) {
      code = e.code();
      message = e.getMessage();
    }
    if (!code.isOk()) {
      LOG.warn("replica {} cannot be made: {}", Long.toHexString(set), message);
      registry.onCreateFailed(set, message, context.nowNs());
    }
    List<BiConsumer<ErrorCode, String>> waiting = creating.remove(set);
    for (BiConsumer<ErrorCode, String> each : waiting) {
      each.accept(code, message);
    }
  }

  /** Removes a replica with all its objects. OK if there is none. */
  void delete(long set, BiConsumer<ErrorCode, String> onDone) {
    ReplicaRecord record = registry.record(set);
    if (record == null) {
      onDone.accept(ErrorCode.OK, "");
      return;
    }
    ReplicaRecord deleting = registry.onDelete(set);
    if (deleting == null) {
      onDone.accept(ErrorCode.BUSY, "the replica is " + record.state());
      return;
    }
    try {
      context.db().putRecord(deleting);
    } catch (IOException e) {
      onDone.accept(ErrorCode.IO_ERROR, e.getMessage());
      return;
    }
    Replica replica = context.replicas().remove(set);
    if (replica != null) {
      replica.lose("the replica is being deleted");
    }
    Fence.run(
        context,
        disk -> disk.table().forgetSet(set),
        () -> context.onIo(() -> deleteFiles(set, onDone)));
  }

  private void deleteFiles(long set, BiConsumer<ErrorCode, String> onDone) {
    ErrorCode code = ErrorCode.OK;
    String message = "";
    try {
      context.directories().delete(set);
      context.db().removeReplica(set);
    } catch (IOException e) {
      code = ErrorCode.IO_ERROR;
      message = e.toString();
    }
    ErrorCode outcome = code;
    String reason = message;
    context.toControl(
        () -> {
          if (outcome.isOk()) {
            registry.onDeleted(set);
            LOG.info("replica {} is deleted", Long.toHexString(set));
          } else {
            // The record stays DELETING; the next start finishes it.
            LOG.error("replica {} cannot be deleted: {}", Long.toHexString(set), reason);
          }
          onDone.accept(outcome, reason);
        });
  }

  /** The replica is in step: from now on the marks of others say what it misses. */
  void onInStep(long set) {
    ReplicaRecord whole = registry.onWhole(set);
    if (whole != null) {
      try {
        context.db().putRecord(whole);
      } catch (IOException e) {
        LOG.error("the record of replica {}: {}", Long.toHexString(set), e.getMessage());
      }
    }
  }

  /** Whether the replica was ever in step. */
  boolean isWhole(long set) {
    ReplicaRecord record = registry.record(set);
    return record != null && record.whole();
  }

  List<ReplicaRecord> records() {
    return registry.records();
  }

  String failure(long set) {
    String failure = registry.failure(set);
    return failure == null ? "" : failure;
  }

  /** One run of the background verify; skipped while one is under way. */
  void verify() {
    if (!verifying) {
      verifying = true;
      pass(new Verify());
    }
  }

  private void pass(Verify verify) {
    verify.onRegistryListed(registry.records(), registry.lastEpoch());
    context.onIo(
        () -> {
          List<Long> found = null;
          try {
            found = context.directories().list(new ArrayList<>());
          } catch (IOException e) {
            LOG.warn("verify cannot list replicas: {}", e.toString());
          }
          List<Long> directories = found;
          context.toControl(() -> onDiskListed(verify, directories));
        });
  }

  private void onDiskListed(Verify verify, List<Long> directories) {
    if (directories != null && verify.onDiskListed(directories)) {
      pass(verify);
      return;
    }
    verifying = false;
    if (directories == null) {
      return;
    }
    for (Verify.Suspicion suspicion : verify.onApply(registry)) {
      act(suspicion);
    }
    registry.onNoListingInProgress();
  }

  private void act(Verify.Suspicion suspicion) {
    long set = suspicion.set();
    switch (suspicion.kind()) {
      case LOST -> {
        Replica replica = context.replicas().get(set);
        if (replica != null && !replica.isLost()) {
          LOG.error("the directory of replica {} is gone", Long.toHexString(set));
          replica.lose("its directory is gone");
        }
      }
      case STRAY -> {
        try {
          quarantine(context.directories().directory(set), "no record of this replica");
        } catch (IOException e) {
          LOG.warn("stray replica {}: {}", Long.toHexString(set), e.toString());
        }
      }
    }
  }
}
