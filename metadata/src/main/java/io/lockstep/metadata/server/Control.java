package io.lockstep.metadata.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.metadata.catalogue.Catalogue;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.DaemonHeartbeat;
import io.lockstep.wire.message.DaemonHeartbeatReply;
import io.lockstep.wire.message.DaemonRecord;
import io.lockstep.wire.message.EndSession;
import io.lockstep.wire.message.LogOperation;
import io.lockstep.wire.message.RegisterDaemon;
import io.lockstep.wire.message.RegisterDaemonReply;
import io.lockstep.wire.message.RenewSession;
import io.lockstep.wire.message.RenewSessionReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.ReportHealed;
import io.lockstep.wire.message.ReportMember;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SessionEnded;
import io.lockstep.wire.message.SetRecord;
import io.lockstep.wire.message.SettleInode;
import io.lockstep.wire.message.VolumeRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the master agent. What the leader does besides names: sessions, daemons,
 * configurations, volumes, and what lockd asks for.
 */
final class Control {
  private static final Logger LOG = LoggerFactory.getLogger(Control.class);
  private static final long TICK_NS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final long LOCKD_RETRY_NS = TimeUnit.MILLISECONDS.toNanos(500);

  private final Ports ports;
  private final Daemons daemons;
  private final Sessions sessions;
  private final OpenTable openTable;
  private final SetBoard board;
  private final Settler settler;
  private final Volumes volumes;
  private final Reaper reaper;
  private final Status status;
  private final LongSupplier lockdTerm;
  private final MasterName name;

  // Rises whenever this master begins or ends to lead: what belongs to an older one is stale.
  private long run;

  /** Immutable. How this master presents itself to people. */
  record MasterName(long cluster, String version, Supplier<String> address) {}

  /** The parts, in the order in which they depend on each other. */
  record Parts(
      Daemons daemons,
      Sessions sessions,
      OpenTable openTable,
      SetBoard board,
      Settler settler,
      Volumes volumes,
      Reaper reaper,
      Status status) {}

  Control(Ports ports, Parts parts, LongSupplier lockdTerm, MasterName name) {
    this.ports = ports;
    this.daemons = parts.daemons();
    this.sessions = parts.sessions();
    this.openTable = parts.openTable();
    this.board = parts.board();
    this.settler = parts.settler();
    this.volumes = parts.volumes();
    this.reaper = parts.reaper();
    this.status = parts.status();
    this.lockdTerm = lockdTerm;
    this.name = name;
  }

  // ---- the lead

  /** This master begins to lead: what the log knows is taken up. */
  void begin() {
    run++;
    List<VolumeRecord> all = ports.catalogue(Catalogue::volumes);
    if (all == null) {
      return;
    }
    daemons.begin(ports.catalogue(Catalogue::daemons));
    settler.begin();
    board.begin(liveSets(all));
    volumes.begin(all);
    reaper.begin();
    scheduleTick(run);
  }

  /** It leads no more. */
  void end() {
    run++;
    board.begin(List.of());
    volumes.begin(List.of());
    reaper.begin();
  }

  private List<SetRecord> liveSets(List<VolumeRecord> all) {
    List<SetRecord> records = new ArrayList<>();
    for (VolumeRecord volume : all) {
      if (volume.getState() == VolumeRecord.State.LIVE) {
        records.addAll(setsOf(volume));
      }
    }
    return records;
  }

  private List<SetRecord> setsOf(VolumeRecord volume) {
    return ports.catalogue(catalogue -> volume.getSetsList().stream().map(catalogue::set).toList());
  }

  private void scheduleTick(long started) {
    ports.after(
        TICK_NS,
        () -> {
          if (started == run) {
            sessions.expired(ports.nowNs()).forEach(this::expire);
            board.tick();
            reaper.tick();
            scheduleTick(started);
          }
        });
  }

  // ---- what the log did

  void onRegistered(DaemonRecord record) {
    daemons.onRegistered(record);
  }

  void onPublished(long volumeId) {
    VolumeRecord volume = ports.catalogue(catalogue -> catalogue.volume(volumeId));
    if (volume != null && volume.getState() == VolumeRecord.State.LIVE) {
      setsOf(volume).forEach(board::add);
    }
  }

  void onRetired(List<Long> sets) {
    sets.forEach(board::remove);
  }

  // ---- requests

  void serve(Request request, Responder responder) {
    switch (request.getBodyCase()) {
      case RENEW_SESSION -> renew(request, responder);
      case CLOSE_SESSION -> close(request.getSession(), responder);
      case STAT_FILESYSTEM ->
          responder.reply(status.statFilesystem(request.getStatFilesystem().getVolume()));
      case REPORT_MEMBER -> reportMember(request.getReportMember(), responder);
      case REGISTER_DAEMON -> register(request.getRegisterDaemon(), responder);
      case DAEMON_HEARTBEAT -> heartbeat(request.getDaemonHeartbeat(), responder);
      case REPORT_HEALED -> reportHealed(request.getReportHealed(), responder);
      case CREATE_VOLUME ->
          volumes.create(request.getCreateVolume(), timeoutNs(request), responder::reply);
      case DELETE_VOLUME -> volumes.delete(request.getDeleteVolume(), responder::reply);
      case LIST_VOLUMES -> responder.reply(status.volumes());
      case GET_VOLUME -> responder.reply(status.volume(request.getGetVolume().getName()));
      case CLUSTER_STATUS ->
          responder.reply(status.cluster(name.cluster(), name.version(), name.address().get()));
      case START_LOCKD ->
          ports.log(
              LogOperation.newBuilder().setStartLockd(request.getStartLockd()), responder::reply);
      case END_SESSION -> endForLockd(request.getEndSession(), responder);
      case SETTLE_INODE -> {
        SettleInode settle = request.getSettleInode();
        settler.settleInode(
            settle.getInode(),
            settle.getSet(),
            Convert.token(settle.getToken()),
            ports.nowNs() + timeoutNs(request),
            responder::reply);
      }
      case SETTLE_ORPHANS ->
          settler.settleOrphans(
              request.getSettleOrphans(), ports.nowNs() + timeoutNs(request), responder::reply);
      default ->
          responder.fail(ErrorCode.BAD_REQUEST, "the master serves no " + request.getBodyCase());
    }
  }

  private long timeoutNs(Request request) {
    long timeoutMs = Integer.toUnsignedLong(request.getTimeoutMs());
    return timeoutMs == 0 ? ports.times().operationNs() : TimeUnit.MILLISECONDS.toNanos(timeoutMs);
  }

  // ---- sessions

  private void renew(Request request, Responder responder) {
    long session = request.getSession();
    if (!sessions.renew(session, responder.peer().pusher(), ports.nowNs())) {
      responder.fail(ErrorCode.SESSION_ENDED, "session " + session + " has ended");
      return;
    }
    RenewSession renewal = request.getRenewSession();
    openTable.tell(session, renewal.getOpenInodesList(), renewal.getOpenInodesComplete());
    responder.reply(
        Reply.newBuilder()
            .setRenewSession(
                RenewSessionReply.newBuilder()
                    .setWantsOpenInodes(!openTable.isComplete(session))
                    .setLockdTerm(lockdTerm.getAsLong())
                    .addAllEpochs(board.epochsOf(sessions.volume(session))))
            .build());
  }

  private void close(long session, Responder responder) {
    if (session == 0) {
      responder.fail(ErrorCode.BAD_REQUEST, "there is no session to close");
      return;
    }
    logEnd(
        session,
        "closed by its client",
        reply -> {
          if (Replies.isOk(reply)) {
            tellLockd(session, true, run);
          }
          responder.reply(reply);
        });
  }

  private void expire(long session) {
    LOG.info("session {} is not renewed: it ends", session);
    logEnd(
        session,
        "not renewed in time",
        reply -> {
          if (Replies.isOk(reply)) {
            tellLockd(session, false, run);
          } else {
            sessions.retry(session);
          }
        });
  }

  private void endForLockd(EndSession end, Responder responder) {
    LOG.info("session {} ends: {}", end.getSession(), end.getReason());
    logEnd(
        end.getSession(),
        end.getReason(),
        reply -> {
          if (Replies.isOk(reply)) {
            tellLockd(end.getSession(), false, run);
          }
          responder.reply(reply);
        });
  }

  private void logEnd(long session, String reason, Consumer<Reply> then) {
    ports.log(
        LogOperation.newBuilder()
            .setEndSession(EndSession.newBuilder().setSession(session).setReason(reason)),
        then);
  }

  /** Until lockd has heard it: a lockd that starts anew learns the open sessions by itself. */
  private void tellLockd(long session, boolean clean, long started) {
    Request request =
        Request.newBuilder()
            .setSessionEnded(SessionEnded.newBuilder().setSession(session).setClean(clean))
            .build();
    ports.askLockd(
        request,
        ports.times().operationNs(),
        reply -> {
          if (!Replies.isOk(reply) && started == run) {
            ports.after(LOCKD_RETRY_NS, () -> tellLockd(session, clean, started));
          }
        });
  }

  // ---- daemons

  private void register(RegisterDaemon said, Responder responder) {
    if (said.getDaemon().size() != 16
        || said.getIncarnation() == 0
        || said.getAddress().isEmpty()) {
      responder.fail(ErrorCode.BAD_REQUEST, "a daemon registers with id, incarnation and address");
      return;
    }
    DaemonRecord record =
        DaemonRecord.newBuilder()
            .setDaemon(said.getDaemon())
            .setIncarnation(said.getIncarnation())
            .setAddress(said.getAddress())
            .setVersion(said.getVersion())
            .setZone(said.getZone())
            .build();
    UUID id = Convert.uuid(said.getDaemon());
    ports.log(
        LogOperation.newBuilder().setRegisterDaemon(record),
        reply -> {
          if (!Replies.isOk(reply)) {
            responder.reply(reply);
            return;
          }
          LOG.info("daemon {} registered: {} run {}", id, said.getAddress(), said.getIncarnation());
          daemons.onRegister(said, ports.nowNs());
          board.onHeard(id, said.getIncarnation(), said.getReplicasList());
          responder.reply(
              Reply.newBuilder()
                  .setRegisterDaemon(
                      RegisterDaemonReply.newBuilder()
                          .setCluster(name.cluster())
                          .addAllSets(board.configsOf(id)))
                  .build());
        });
  }

  private void heartbeat(DaemonHeartbeat said, Responder responder) {
    UUID id = Convert.uuid(said.getDaemon());
    DaemonHeartbeatReply.Builder reply = DaemonHeartbeatReply.newBuilder();
    if (daemons.onHeartbeat(said, ports.nowNs())) {
      board.onHeard(id, said.getIncarnation(), said.getReplicasList());
      reply.addAllEpochs(board.epochsOf(id));
    } else {
      reply.setRegister(true);
    }
    responder.reply(Reply.newBuilder().setDaemonHeartbeat(reply).build());
  }

  private void reportMember(ReportMember report, Responder responder) {
    ErrorCode code = ErrorCode.ofNumber(report.getCode());
    LOG.info(
        "set {} epoch {}: member {} is reported: {} {}",
        report.getSet(),
        report.getEpoch(),
        report.getMember(),
        code,
        report.getReason());
    board.onReport(
        report.getSet(),
        report.getEpoch(),
        report.getMember(),
        report.getIncarnation(),
        code,
        responder::reply);
  }

  private void reportHealed(ReportHealed report, Responder responder) {
    board.onHealed(
        report.getSet(),
        report.getEpoch(),
        report.getMember(),
        report.getIncarnation(),
        responder::reply);
  }
}
