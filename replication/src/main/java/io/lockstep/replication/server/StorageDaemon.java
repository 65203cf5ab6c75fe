package io.lockstep.replication.server;

import io.lockstep.core.Clock;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.replication.heal.HealRules;
import io.lockstep.replication.marks.MarkRules;
import io.lockstep.replication.registry.ReplicaRecord;
import io.lockstep.replication.store.BufferPool;
import io.lockstep.replication.store.DataDirectory;
import io.lockstep.replication.store.DiskSpace;
import io.lockstep.replication.store.ObjectTable;
import io.lockstep.replication.store.ReplicaDb;
import io.lockstep.replication.store.ReplicaDirectory;
import io.lockstep.replication.store.RowStore;
import io.lockstep.replication.store.StoreFailure;
import io.lockstep.wire.Payload;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.AdoptConfig;
import io.lockstep.wire.message.ReplicaRow;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Guarded by its agents: requests are handed over on transport threads, everything else is confined
 * to the control agent. One storage daemon: the composition of store, replicas, registration and
 * heal, and the server's side of every message of storage.proto.
 *
 * <p>{@link #open} takes the data directory and scans it; {@link #start} registers, once a server
 * listens; {@link #close} ends it. Nothing is served before the master has answered (P3).
 */
public final class StorageDaemon implements RequestHandler, AutoCloseable {
  /** The kinds of requests that a storage daemon serves. */
  public static final Set<BodyCase> KINDS =
      Set.copyOf(EnumSet.range(BodyCase.WRITE_OBJECT, BodyCase.ADOPT_CONFIG));

  private static final Logger LOG = LoggerFactory.getLogger(StorageDaemon.class);

  private final DaemonContext context;
  private final StorageAgents agents;
  private final MasterLink master;
  private final ConfigKeeper configs;
  private final ReplicaKeeper replicas;
  private final Listings listings;
  private final RequestDispatch dispatch;
  private final Consumer<Outcome> onFatal;
  private final StaleMarks staleMarks;
  private final Map<Long, HealRunner> heals = new HashMap<>();
  private final Set<Long> inStep = new HashSet<>();
  private Registration registration;
  private volatile LongConsumer whenRegistered = cluster -> {};
  private volatile boolean registered;
  private volatile boolean closing;

  private StorageDaemon(DaemonContext context, StorageAgents agents, Consumer<Outcome> onFatal) {
    this.context = context;
    this.agents = agents;
    this.onFatal = onFatal;
    this.master = new MasterLink(context);
    this.configs = new ConfigKeeper(context, master, this::onAdopted);
    this.replicas = new ReplicaKeeper(context);
    this.listings = new Listings(context.db(), context.directories());
    this.dispatch = new RequestDispatch(context, listings);
    this.staleMarks = new StaleMarks(context);
  }

  /**
   * Takes the data directory and scans what is on the disk. Messages of an {@link Outcome} are for
   * the user who starts the daemon.
   *
   * @param peers finds masters and members
   * @param onFatal told, on the control agent, when the daemon cannot go on: another cluster
   */
  public static StorageDaemon open(
      StorageDaemonOptions options,
      PeerDirectory peers,
      StorageAgents agents,
      Consumer<Outcome> onFatal)
      throws Outcome {
    return open(options, peers, agents, onFatal, Parts.PRODUCTION);
  }

  /**
   * Immutable. What the simulator and tests replace.
   *
   * @param rows opens the store of marks
   */
  public record Parts(RowStore.Opener rows, MarkRules markRules, HealRules healRules) {
    public static final Parts PRODUCTION =
        new Parts(RowStore::rocks, MarkRules.DEFAULT, HealRules.DEFAULT);
  }

  /** With other parts than production's. */
  public static StorageDaemon open(
      StorageDaemonOptions options,
      PeerDirectory peers,
      StorageAgents agents,
      Consumer<Outcome> onFatal,
      Parts parts)
      throws Outcome {
    DataDirectory data =
        DataDirectory.open(
            options.directory(), options.cluster(), options.daemon(), UUID.randomUUID());
    ReplicaDb db = null;
    boolean opened = false;
    try {
      db = new ReplicaDb(parts.rows().open(options.directory().resolve("db")));
      ReplicaDirectory directories = new ReplicaDirectory(options.directory(), data.daemon());
      DiskSpace space = new DiskSpace(options.directory(), options.reserveBytes());
      DaemonCounters counters = new DaemonCounters();
      Map<Long, Replica> live = new ConcurrentHashMap<>();
      DiskAgent.Tools tools =
          new DiskAgent.Tools(
              db, space, parts.markRules(), parts.healRules(), counters, agents.io(), live);
      BufferPool buffers = new BufferPool();
      List<DiskAgent> disks = new ArrayList<>();
      int filesMax = Math.max(8, options.openFilesMax() / agents.disks().size());
      agents
          .disks()
          .forEach(
              agent ->
                  disks.add(
                      new DiskAgent(
                          agent,
                          new ObjectTable(
                              tools.db(), directories, buffers, filesMax, counters.objects),
                          tools)));
      DaemonContext context =
          new DaemonContext(
              options,
              data,
              db,
              directories,
              space,
              agents.control(),
              List.copyOf(disks),
              agents.io(),
              peers,
              counters,
              live);
      StorageDaemon daemon = new StorageDaemon(context, agents, onFatal);
      daemon.replicas.open();
      opened = true;
      return daemon;
    } catch (IOException e) {
      throw new Outcome(
          StoreFailure.code(e),
          "data directory " + options.directory() + " cannot be opened: " + e.getMessage());
    } finally {
      if (!opened) {
        closeStore(db, data);
      }
    }
  }

  private static void closeStore(ReplicaDb db, DataDirectory data) {
    if (db != null) {
      db.close();
    }
    data.close();
  }

  public UUID daemon() {
    return context.data().daemon();
  }

  /** Of this run. */
  public long incarnation() {
    return context.data().incarnation();
  }

  /** 0 as long as no master has answered. */
  public long cluster() {
    return context.data().cluster();
  }

  /** Whether the master has answered the registration of this run. */
  public boolean isRegistered() {
    return registered;
  }

  public Clock clock() {
    return context.control().clock();
  }

  /** Counters by name. */
  public Map<String, Long> counters() {
    return context.counters().snapshot();
  }

  /**
   * Registers with the master and serves from then on; {@code address} is where others reach it.
   */
  public void start(String address) {
    context.toControl(
        () -> {
          registration =
              new Registration(
                  context, master, configs, address, this::rows, this::onRegistered, onFatal);
          registration.start();
          scheduleVerify();
        });
  }

  private void onRegistered() {
    registered = true;
    whenRegistered.accept(context.data().cluster());
  }

  private void scheduleVerify() {
    context
        .control()
        .schedule(
            context.options().verifyNs(),
            () -> {
              if (!closing) {
                replicas.verify();
                scheduleVerify();
              }
            });
  }

  @Override
  public void close() {
    closing = true;
    context.toControl(
        () -> {
          if (registration != null) {
            registration.stop();
          }
          heals.values().forEach(HealRunner::stop);
        });
    agents.onClose().run();
    context.disks().forEach(disk -> disk.table().closeAll());
    closeStore(context.db(), context.data());
  }

  @Override
  public void onRequest(Request request, Payload payload, Responder responder) {
    BodyCase kind = request.getBodyCase();
    if (closing) {
      payload.release();
      responder.fail(ErrorCode.CLOSING, "the storage daemon is closing");
      return;
    }
    switch (kind) {
      case ADOPT_CONFIG ->
          control(payload, responder, () -> adopt(request.getAdoptConfig(), responder));
      case ENSURE_REPLICA ->
          control(
              payload,
              responder,
              () -> replicas.ensure(request.getEnsureReplica(), onEnsured(request, responder)));
      case DELETE_REPLICA ->
          control(
              payload,
              responder,
              () ->
                  replicas.delete(
                      request.getDeleteReplica().getSet(),
                      (code, message) -> answer(responder, code, message)));
      default -> serve(request, payload, responder);
    }
  }

  private void control(Payload payload, Responder responder, Runnable step) {
    payload.release();
    if (!context.control().execute(step)) {
      responder.fail(ErrorCode.BUSY, "the control agent's inbox is full");
    }
  }

  private static void answer(Responder responder, ErrorCode code, String message) {
    if (code.isOk()) {
      responder.ok();
    } else {
      responder.fail(code, message);
    }
  }

  private void serve(Request request, Payload payload, Responder responder) {
    if (!registered) {
      payload.release();
      responder.fail(ErrorCode.BUSY, "the master has not answered this daemon yet");
      return;
    }
    RequestDispatch.Scope scope = dispatch.scope(request);
    Replica replica = scope == null ? null : context.replicas().get(scope.set());
    if (scope == null) {
      context.counters().badRequests.increment();
      payload.release();
      responder.fail(ErrorCode.BAD_REQUEST, "no request of kind " + request.getBodyCase());
      return;
    }
    if (replica == null || replica.isLost()) {
      payload.release();
      responder.fail(
          ErrorCode.NO_REPLICA,
          replica == null ? "no replica of this set is here" : replica.note());
      return;
    }
    long deadlineNs = context.nowNs() + dispatch.timeoutNs(request);
    RequestOperation.Call call = new RequestOperation.Call(replica, payload, responder, deadlineNs);
    if (!scope.hasEpoch()) {
      dispatch.run(request, call);
      return;
    }
    int order = Long.compareUnsigned(scope.epoch(), replica.view().epoch());
    if (order <= 0) {
      // An older one is refused where it would be executed, which may be later.
      dispatch.run(request, call);
      return;
    }
    awaitEpoch(request, call, scope);
  }

  private void awaitEpoch(
      Request request, RequestOperation.Call call, RequestDispatch.Scope scope) {
    Runnable late =
        () -> {
          context.counters().busy.increment();
          call.payload().release();
          call.responder()
              .fail(ErrorCode.BUSY, "epoch " + scope.epoch() + " is not known here yet");
        };
    boolean accepted =
        context
            .control()
            .execute(
                () ->
                    configs.await(
                        scope.set(),
                        scope.epoch(),
                        call.deadlineNs(),
                        () -> dispatch.run(request, call),
                        late));
    if (!accepted) {
      late.run();
    }
  }

  private void adopt(AdoptConfig request, Responder responder) {
    configs.adopt(
        request.getConfig(),
        (code, message) -> {
          answer(responder, code, message);
          if (code.isOk() && request.getHeal()) {
            long set = request.getConfig().getSet();
            long epoch = request.getConfig().getEpoch();
            context.toControl(() -> heal(set, epoch));
          }
        });
  }

  private BiConsumer<ErrorCode, String> onEnsured(Request request, Responder responder) {
    return (code, message) -> {
      if (code.isOk() && request.getEnsureReplica().hasConfig()) {
        adopt(
            AdoptConfig.newBuilder().setConfig(request.getEnsureReplica().getConfig()).build(),
            responder);
        Replica replica = context.replicas().get(request.getEnsureReplica().getSet());
        onAdopted(replica, replica.view());
      } else {
        answer(responder, code, message);
      }
    };
  }

  private void onAdopted(Replica replica, Replica.View view) {
    HealRunner running = heals.get(replica.set);
    if (running != null && running.epoch() != view.epoch()) {
      running.stop();
      heals.remove(replica.set);
    }
    if (view.mode() != MemberMode.RW) {
      inStep.remove(replica.set);
    } else if (inStep.add(replica.set)) {
      replicas.onInStep(replica.set);
      staleMarks.onInStep(replica, view);
    }
  }

  /** Every RW member has adopted this epoch (P9): a WO member heals. */
  private void heal(long set, long epoch) {
    Replica replica = context.replicas().get(set);
    if (replica == null || heals.containsKey(set) || closing) {
      return;
    }
    Replica.View view = replica.view();
    if (view.epoch() != epoch
        || view.mode() != MemberMode.WO
        || view.config().readers().isEmpty()) {
      LOG.info(
          "set {}: no heal at epoch {}: own epoch is {}, mode {}",
          Long.toHexString(set),
          epoch,
          view.epoch(),
          view.mode());
      return;
    }
    HealRunner runner =
        new HealRunner(context, master, configs, listings, replica, view, !replicas.isWhole(set));
    heals.put(set, runner);
    runner.start();
  }

  /** What registration and heartbeats say of the replicas. */
  private List<ReplicaRow> rows() {
    List<ReplicaRow> rows = new ArrayList<>();
    for (ReplicaRecord record : replicas.records()) {
      ReplicaRow.Builder row =
          ReplicaRow.newBuilder().setSet(record.set()).setState(record.state().name());
      row.setNote(replicas.failure(record.set()));
      Replica replica = context.replicas().get(record.set());
      if (replica != null) {
        fill(row, replica);
      }
      rows.add(row.build());
    }
    return rows;
  }

  private void fill(ReplicaRow.Builder row, Replica replica) {
    row.setEpoch(replica.view().epoch())
        .setObjects(Math.max(0, replica.objects.sum()))
        .setDirty(Math.max(0, replica.dirty.sum()))
        .setPending(Math.max(0, replica.pending.sum()))
        .setBytes(Math.max(0, replica.bytes.sum()))
        .setHealBytes(replica.healedBytes.sum())
        .setHighestInode(replica.highestInode.get())
        .setNote(replica.note());
    HealRunner heal = heals.get(replica.set);
    if (heal != null) {
      row.setHealing(true).setHealDone(heal.objectsDone()).setHealTotal(heal.objectsFound());
    }
  }
}
