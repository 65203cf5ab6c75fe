package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.DaemonHeartbeat;
import io.lockstep.wire.message.RegisterDaemon;
import io.lockstep.wire.message.ReplicaRow;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetConfigMessage;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the control agent. Announces this run of the daemon to the master, and every second
 * that it lives. Nothing is served before the first answer (P3).
 */
final class Registration {
  private static final Logger LOG = LoggerFactory.getLogger(Registration.class);
  private static final long RETRY_MIN_NS = 100_000_000L;

  private final DaemonContext context;
  private final MasterLink master;
  private final ConfigKeeper configs;
  private final String address;
  private final Supplier<List<ReplicaRow>> rows;
  private final Runnable onRegistered;
  private final Consumer<Outcome> onFatal;
  private long retryNs = RETRY_MIN_NS;
  private boolean known;
  private boolean refusedBefore;
  private boolean stopped;

  Registration(
      DaemonContext context,
      MasterLink master,
      ConfigKeeper configs,
      String address,
      Supplier<List<ReplicaRow>> rows,
      Runnable onRegistered,
      Consumer<Outcome> onFatal) {
    this.context = context;
    this.master = master;
    this.configs = configs;
    this.address = address;
    this.rows = rows;
    this.onRegistered = onRegistered;
    this.onFatal = onFatal;
  }

  void start() {
    register();
  }

  void stop() {
    stopped = true;
  }

  private void register() {
    if (stopped) {
      return;
    }
    StorageDaemonOptions options = context.options();
    master.ask(
        Request.newBuilder()
            .setRegisterDaemon(
                RegisterDaemon.newBuilder()
                    .setDaemon(Convert.message(context.data().daemon()))
                    .setIncarnation(context.data().incarnation())
                    .setAddress(address)
                    .setVersion(options.version())
                    .setZone(options.zone())
                    .addAllReplicas(rows.get())
                    .setCapacityBytes(context.space().capacityBytes())
                    .setFreeBytes(context.space().availableBytes(context.nowNs())))
            .build(),
        this::onRegisterReply);
  }

  private void onRegisterReply(Reply reply) {
    if (stopped) {
      return;
    }
    ErrorCode code = Replies.code(reply);
    if (!code.isOk()) {
      onRefused(code, reply.getMessage());
      return;
    }
    try {
      context.data().joinCluster(reply.getRegisterDaemon().getCluster());
    } catch (Outcome e) {
      stopped = true;
      onFatal.accept(e);
      return;
    }
    if (!known) {
      LOG.info(
          "daemon {} incarnation {} is registered as {}",
          context.data().daemon(),
          context.data().incarnation(),
          address);
    }
    retryNs = RETRY_MIN_NS;
    refusedBefore = false;
    for (SetConfigMessage config : reply.getRegisterDaemon().getSetsList()) {
      configs.adopt(config, (ignored, message) -> {});
    }
    boolean first = !known;
    known = true;
    onRegistered.run();
    if (first) {
      context.control().schedule(context.options().heartbeatNs(), this::heartbeat);
    }
  }

  private void onRefused(ErrorCode code, String message) {
    boolean wrongSecret = code == ErrorCode.UNAUTHENTICATED && !known;
    if (code == ErrorCode.WRONG_CLUSTER || code == ErrorCode.WRONG_VERSION || wrongSecret) {
      stopped = true;
      onFatal.accept(new Outcome(code, "the master refuses this daemon: " + message));
      return;
    }
    if (!refusedBefore) {
      refusedBefore = true;
      LOG.warn("no master registers this daemon yet: {} {}", code, message);
    }
    context.control().schedule(retryNs, this::register);
    retryNs = Math.min(context.options().heartbeatNs(), 2 * retryNs);
  }

  private void heartbeat() {
    if (stopped) {
      return;
    }
    String failure = context.db().failure();
    if (failure != null) {
      // No mark can be made durable any more: only a new run can, which heals from the others.
      stopped = true;
      onFatal.accept(
          new Outcome(
              ErrorCode.IO_ERROR,
              "the database in "
                  + context.options().directory()
                  + " failed, a new start heals it from the other members: "
                  + failure));
      return;
    }
    context.control().schedule(context.options().heartbeatNs(), this::heartbeat);
    master.ask(
        Request.newBuilder()
            .setDaemonHeartbeat(
                DaemonHeartbeat.newBuilder()
                    .setDaemon(Convert.message(context.data().daemon()))
                    .setIncarnation(context.data().incarnation())
                    .setCapacityBytes(context.space().capacityBytes())
                    .setFreeBytes(context.space().availableBytes(context.nowNs()))
                    .addAllReplicas(rows.get()))
            .build(),
        this::onHeartbeatReply);
  }

  private void onHeartbeatReply(Reply reply) {
    if (stopped || !Replies.isOk(reply)) {
      return;
    }
    if (reply.getDaemonHeartbeat().getRegister()) {
      register();
    }
    reply
        .getDaemonHeartbeat()
        .getEpochsList()
        .forEach(epoch -> configs.onEpochHeard(epoch.getSet(), epoch.getEpoch()));
  }
}
