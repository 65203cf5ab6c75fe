package io.lockstep.metadata.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.Agent;
import io.lockstep.core.AgentThread;
import io.lockstep.core.Check;
import io.lockstep.core.Clock;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.core.SetConfig;
import io.lockstep.metadata.catalogue.Catalogue;
import io.lockstep.metadata.catalogue.KeeperRules;
import io.lockstep.metadata.catalogue.MasterState;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.kv.KvTransaction;
import io.lockstep.metadata.namespace.Namespace;
import io.lockstep.metadata.raft.GroupCommit;
import io.lockstep.metadata.raft.MasterRaft;
import io.lockstep.metadata.raft.RaftEvents;
import io.lockstep.metadata.raft.ReplicatedLog;
import io.lockstep.metadata.store.DataDirectory;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.Replies;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.LogEntry;
import io.lockstep.wire.message.LogOperation;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.message.SessionRecord;
import io.lockstep.wire.message.SessionReply;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.VolumeRecord;
import io.lockstep.wire.message.VolumeRow;
import java.io.IOException;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Any thread may call it; each part guards itself. The metadata master: serves the namespace,
 * sessions, configurations, daemons and volumes of one cluster, from its data directory.
 *
 * <p>Life: construct, {@link #setLockd}, {@link #start}, route {@link #CLIENT_KINDS} of the network
 * here and {@link #LOCKD_KINDS} through a LocalPeer, {@link #close}. Requests are answered
 * NOT_LEADER until this master leads and has executed what was committed before.
 *
 * <p>When the log or the store fails it can go on no longer: the failure handler is told, and is to
 * stop the process (I11).
 */
public final class MetadataServer implements RequestHandler, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(MetadataServer.class);

  private static final Set<BodyCase> QUERIES =
      EnumSet.of(
          BodyCase.WALK,
          BodyCase.GET_ATTRIBUTES,
          BodyCase.READ_DIRECTORY,
          BodyCase.READ_LINK,
          BodyCase.GET_XATTR,
          BodyCase.LIST_XATTR,
          BodyCase.LIST_SET_INODES,
          BodyCase.GET_SET_CONFIGS,
          BodyCase.OPEN_INODE);

  private static final Set<BodyCase> MUTATIONS =
      EnumSet.of(
          BodyCase.CREATE_INODE,
          BodyCase.REMOVE_ENTRY,
          BodyCase.RENAME_ENTRY,
          BodyCase.LINK_INODE,
          BodyCase.SET_ATTRIBUTES,
          BodyCase.REFRESH_INODES,
          BodyCase.SET_XATTR,
          BodyCase.REMOVE_XATTR);

  private static final Set<BodyCase> CONTROL =
      EnumSet.of(
          BodyCase.STAT_FILESYSTEM,
          BodyCase.RENEW_SESSION,
          BodyCase.CLOSE_SESSION,
          BodyCase.REPORT_MEMBER,
          BodyCase.REGISTER_DAEMON,
          BodyCase.DAEMON_HEARTBEAT,
          BodyCase.REPORT_HEALED,
          BodyCase.CREATE_VOLUME,
          BodyCase.LIST_VOLUMES,
          BodyCase.GET_VOLUME,
          BodyCase.DELETE_VOLUME,
          BodyCase.CLUSTER_STATUS);

  /** What clients, daemons and the command line may ask: to be routed here by the process. */
  public static final Set<BodyCase> CLIENT_KINDS = clientKinds();

  /** What only lockd in this process may ask, through a LocalPeer to this handler. */
  public static final Set<BodyCase> LOCKD_KINDS =
      Set.of(
          BodyCase.START_LOCKD,
          BodyCase.END_SESSION,
          BodyCase.SETTLE_INODE,
          BodyCase.SETTLE_ORPHANS);

  private static final long STALL_NS = TimeUnit.SECONDS.toNanos(2);

  private static Set<BodyCase> clientKinds() {
    EnumSet<BodyCase> kinds = EnumSet.copyOf(QUERIES);
    kinds.addAll(MUTATIONS);
    kinds.addAll(CONTROL);
    kinds.add(BodyCase.OPEN_SESSION);
    kinds.add(BodyCase.CLOSE_INODES);
    return Set.copyOf(kinds);
  }

  private final MetadataServerOptions options;
  private final Clock clock;
  private final PeerDirectory peers;
  private final AgentThread.FailureHandler failures;
  private final Namespace namespace = new Namespace();
  private final MasterState state = new MasterState(namespace);
  private final MasterAgents agents;
  private final KeeperRules keeperRules;
  private final Agent agent;
  private final ReplicatedLog raft;
  private final GroupCommit commit;
  private final OpenTable openTable = new OpenTable();
  private final Sessions sessions;
  private final AtomicLong applied = new AtomicLong(-1);
  private final AtomicLong leadershipChanges = new AtomicLong();
  private final List<LeadershipListener> listeners = new CopyOnWriteArrayList<>();
  private final ReentrantLock leadLock = new ReentrantLock();
  private final Condition led = leadLock.newCondition();

  // Set once, before the start.
  private Peer lockd;
  private Queries queries;
  private Mutations mutations;
  private SetBoard board;
  private Control control;

  private volatile String address = "";
  private volatile long lockdTerm;
  private volatile boolean leading;

  @GuardedBy("leadLock")
  private boolean closed;

  /**
   * Opens the data directory; nothing runs yet.
   *
   * @param peers to call storage daemons at the addresses that they announce
   * @param failures told of what this cannot survive, and of bugs of its agents
   * @throws IOException with one line that a user can act on
   */
  public MetadataServer(
      MetadataServerOptions options,
      PeerDirectory peers,
      Clock clock,
      AgentThread.FailureHandler failures)
      throws IOException {
    this(
        options,
        peers,
        MasterAgents.threads(clock, options.queryThreads(), failures),
        events ->
            MasterRaft.open(
                DataDirectory.open(options.dataDirectory(), options.cluster()),
                options.raft(),
                events),
        KeeperRules.PRODUCTION,
        failures);
  }

  /** Where and on which log it runs is the caller's: the simulator's. */
  public MetadataServer(
      MetadataServerOptions options,
      PeerDirectory peers,
      MasterAgents agents,
      ReplicatedLog.Opener log,
      KeeperRules keeperRules,
      AgentThread.FailureHandler failures)
      throws IOException {
    this.options = options;
    this.peers = peers;
    this.agents = agents;
    this.keeperRules = keeperRules;
    this.agent = agents.control();
    this.clock = agent.clock();
    this.failures = failures;
    this.sessions = new Sessions(options.times().leaseLifeNs(), STALL_NS);
    this.raft = log.open(new Events());
    this.commit = new GroupCommit(agents.commit(), raft, options.entriesInFlightMax());
  }

  /** The cluster that the data directory belongs to. */
  public long cluster() {
    return raft.cluster();
  }

  /** lockd of this process, which serves SessionEnded, SettleAttributes and CondemnInode. */
  public void setLockd(Peer lockd) {
    Check.that(this.lockd == null && control == null, "lockd is set once, before the start");
    this.lockd = lockd;
  }

  /** Is told whenever this master begins or ends to lead. Before the start. */
  public void addListener(LeadershipListener listener) {
    listeners.add(listener);
  }

  /** Where clients reach this master, for people and for clients that asked another one. */
  public void announce(String hostAndPort) {
    address = hostAndPort;
  }

  /** Starts the log. Returns before this master leads. */
  public void start() throws IOException {
    Check.that(lockd != null, "lockd is not set");
    Check.that(control == null, "started twice");
    Daemons daemons = new Daemons(options.keeperTimes().heardNs());
    Ports ports = new Ports(agent, options.times(), raft, commit, peers, daemons::address, lockd);
    Settler settler = new Settler(ports, namespace, options.keeperTimes().heardNs());
    Reaper[] reaper = {null};
    board =
        new SetBoard(
            ports,
            new SetBoard.Keeping(options.keeperTimes(), keeperRules),
            daemons,
            sessions,
            settler::settleAll,
            config -> reaper[0].onConfig(config));
    settler.wire(board);
    reaper[0] = new Reaper(ports, namespace, openTable, board);
    control =
        new Control(
            ports,
            new Control.Parts(
                daemons,
                sessions,
                openTable,
                board,
                settler,
                new Volumes(ports, daemons),
                reaper[0],
                new Status(ports, namespace, daemons, sessions, openTable, board)),
            () -> lockdTerm,
            new Control.MasterName(raft.cluster(), options.version(), () -> address));
    mutations = new Mutations(commit, raft, namespace, sessions, openTable, new NameGrants(lockd));
    queries =
        new Queries(
            raft, namespace, openTable, lockd, applied, agents.queries(), failures::onFailure);
    agents.onStart().run();
    raft.start();
  }

  /** Waits until this master leads and serves; false if the time is over first. */
  public boolean awaitLeading(long timeoutNs) throws InterruptedException {
    long left = timeoutNs;
    leadLock.lock();
    try {
      while (!leading && left > 0 && !closed) {
        left = led.awaitNanos(left);
      }
      return leading;
    } finally {
      leadLock.unlock();
    }
  }

  /** Whether this master leads and serves. */
  public boolean isLeading() {
    return leading;
  }

  /** The newest epoch of a replica set, 0 if it is not known. Any thread; never blocks. */
  public long epochOf(long set) {
    return board == null ? 0 : board.epoch(set);
  }

  /** Entries and operations that this process proposed: how well they are packed. */
  public GroupCommit.Counts commitCounts() {
    return commit.counts();
  }

  @Override
  public void close() throws IOException {
    leadLock.lock();
    try {
      closed = true;
      leading = false;
      led.signalAll();
    } finally {
      leadLock.unlock();
    }
    agents.onClose().run();
    raft.close();
  }

  // ---- requests

  @Override
  public void onRequest(Request request, Payload payload, Responder responder) {
    payload.release();
    BodyCase kind = request.getBodyCase();
    if (!leading) {
      responder.reply(Replies.failure(ErrorCode.NOT_LEADER, "this master does not lead (yet)"));
    } else if (LOCKD_KINDS.contains(kind) && !isLocal(responder)) {
      responder.fail(ErrorCode.BAD_REQUEST, "only lockd of this process may ask this");
    } else if (request.getSession() != 0
        && kind != BodyCase.OPEN_SESSION
        && !sessions.contains(request.getSession())) {
      responder.fail(ErrorCode.SESSION_ENDED, "session " + request.getSession() + " has ended");
    } else if (QUERIES.contains(kind)) {
      queries.onQuery(request, responder);
    } else if (MUTATIONS.contains(kind)) {
      mutations.onRequest(request, responder);
    } else if (kind == BodyCase.CLOSE_INODES) {
      openTable.close(request.getSession(), request.getCloseInodes().getInodesList());
      responder.ok();
    } else if (kind == BodyCase.OPEN_SESSION) {
      openSession(request, responder);
    } else if (!agent.execute(() -> control.serve(request, responder))) {
      responder.fail(ErrorCode.BUSY, "the master has too much to do");
    }
  }

  private static boolean isLocal(Responder responder) {
    return responder.peer().role().equals("local");
  }

  private void openSession(Request request, Responder responder) {
    long lifeMs = TimeUnit.NANOSECONDS.toMillis(options.times().leaseLifeNs());
    commit.submit(
        LogOperation.newBuilder().setOpenSession(request.getOpenSession()),
        reply -> {
          if (Replies.isOk(reply)) {
            SessionReply.Builder session = reply.getSession().toBuilder().setLeaseLifeMs(lifeMs);
            responder.reply(reply.toBuilder().setSession(session).build());
          } else {
            responder.reply(reply);
          }
        });
  }

  // ---- the log

  /** Confined to the log's updater thread; hands over to the agent what is confined to it. */
  private final class Events implements RaftEvents {
    @Override
    public List<Reply> apply(KvTransaction transaction, LogEntry entry, long index) {
      return state.apply(transaction, entry, index);
    }

    @Override
    public void onApplied(LogEntry entry, List<Reply> replies, long index) {
      applied.set(index);
      mutations.onApplied(entry, replies);
      for (int i = 0; i < replies.size(); i++) {
        LogOperation operation = entry.getOperations(i);
        if (operation.getBodyCase() != LogOperation.BodyCase.MUTATION
            && Replies.isOk(replies.get(i))) {
          onOperation(operation, replies.get(i));
        }
      }
    }

    private void onOperation(LogOperation operation, Reply reply) {
      switch (operation.getBodyCase()) {
        case OPEN_SESSION -> onSessionOpened(reply.getSession());
        case END_SESSION -> {
          sessions.remove(operation.getEndSession().getSession());
          openTable.remove(operation.getEndSession().getSession());
        }
        case START_LOCKD -> lockdTerm = reply.getStartLockd().getTerm();
        case CHANGE_SET -> enter(() -> onSetChanged(reply.getSetConfigs().getSets(0)));
        case REGISTER_DAEMON -> enter(() -> control.onRegistered(operation.getRegisterDaemon()));
        case PUBLISH_VOLUME ->
            enter(() -> control.onPublished(reply.getVolume().getVolume().getVolume()));
        case RETIRE_VOLUME -> {
          VolumeRow volume = reply.getVolume().getVolume();
          List<Long> sets = volume.getSetsList().stream().map(SetConfigMessage::getSet).toList();
          enter(() -> control.onRetired(sets));
        }
        default -> {
          // Only its proposer waits for it.
        }
      }
    }

    private void onSessionOpened(SessionReply opened) {
      SessionRecord record =
          SessionRecord.newBuilder()
              .setSession(opened.getSession())
              .setVolume(opened.getVolume())
              .build();
      long set = opened.getSetsCount() == 0 ? 0 : opened.getSets(0).getSet();
      sessions.add(record, set, clock.nowNs());
      openTable.add(opened.getSession());
    }

    private void onSetChanged(SetConfigMessage message) {
      try {
        SetConfig config = Convert.config(message);
        board.onLogged(config);
      } catch (Outcome e) {
        throw Check.unreachable("the log holds a bad configuration: %s", e.getMessage());
      }
    }

    @Override
    public void onLeading() {
      try (KvStore.Snapshot snapshot = raft.snapshot()) {
        if (snapshot == null) {
          return;
        }
        Catalogue catalogue = new Catalogue(snapshot);
        lockdTerm = catalogue.lockdTerm();
        List<SessionRecord> open = catalogue.sessions();
        sessions.begin(clock.nowNs());
        openTable.begin(open.stream().map(SessionRecord::getSession).toList());
        for (SessionRecord record : open) {
          VolumeRecord volume = catalogue.volume(record.getVolume());
          long set = volume == null || volume.getSetsCount() == 0 ? 0 : volume.getSets(0);
          sessions.add(record, set, clock.nowNs());
        }
      }
      long begun = leadershipChanges.incrementAndGet();
      enter(() -> lead(begun));
    }

    private void lead(long begun) {
      if (begun != leadershipChanges.get()) {
        return;
      }
      control.begin();
      leadLock.lock();
      try {
        leading = !closed;
        led.signalAll();
      } finally {
        leadLock.unlock();
      }
      LOG.info("this master leads cluster {}", Long.toHexString(raft.cluster()));
      listeners.forEach(LeadershipListener::onLeading);
    }

    @Override
    public void onFollowing() {
      leadershipChanges.incrementAndGet();
      leading = false;
      enter(
          () -> {
            leading = false;
            control.end();
            listeners.forEach(LeadershipListener::onFollowing);
          });
    }

    @Override
    public void onFailure(String what, Throwable failure) {
      leading = false;
      failures.onFailure(what, failure);
    }

    /** Never lost to a full inbox. */
    private void enter(Runnable task) {
      agent.schedule(0, task);
    }
  }
}
