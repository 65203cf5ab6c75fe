package io.lockstep.simulation.cluster;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.core.Times;
import io.lockstep.fs.vfs.Contents;
import io.lockstep.fs.vfs.MasterPort;
import io.lockstep.fs.vfs.Names;
import io.lockstep.fs.vfs.Threads;
import io.lockstep.fs.vfs.Vfs;
import io.lockstep.fs.vfs.VfsOptions;
import io.lockstep.lockd.client.FileLocks;
import io.lockstep.metadata.client.MasterClient;
import io.lockstep.replication.client.ClientOptions;
import io.lockstep.replication.client.ReplicationClient;
import io.lockstep.simulation.world.Fibers;
import io.lockstep.simulation.world.SimHost;
import io.lockstep.simulation.world.SimNetwork;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.Replies;
import io.lockstep.wire.SessionEvents;
import io.lockstep.wire.message.CloseSession;
import io.lockstep.wire.message.OpenInode;
import io.lockstep.wire.message.OpenSession;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SessionReply;
import io.lockstep.wire.message.SetEpoch;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;

/**
 * Confined to the thread of the simulation and the fibers of its host. A mount's process, one run
 * after another: the production vfs on the production clients of master, lockd and members, without
 * a kernel.
 */
public final class MountNode implements Peer, MasterPort {
  private static final long PAUSE_NS = 200_000_000;
  private static final long TRY_NS = 5_000_000_000L;
  private static final String VOLUME = "volume";

  private final SimHost host;
  private final SimNetwork network;
  private final Fibers fibers;
  private final Random random;
  private final Variants variants;
  private PeerDirectory peers;
  private io.lockstep.core.Agent agent;
  private MasterClient master;
  private ReplicationClient files;
  private FileLocks locks;
  private Names names;
  private Vfs vfs;
  private int run;

  MountNode(SimHost host, SimNetwork network, Fibers fibers, Random random, Variants variants) {
    this.host = host;
    this.network = network;
    this.fibers = fibers;
    this.random = random;
    this.variants = variants;
  }

  public SimHost host() {
    return host;
  }

  public Fibers fibers() {
    return fibers;
  }

  /** Whether a session is open and files can be used. */
  public boolean isMounted() {
    return host.isUp() && vfs != null;
  }

  /** Everything that applications can do, in the present run. */
  public Vfs vfs() {
    return vfs;
  }

  public long session() {
    return master == null ? 0 : master.session();
  }

  /** Rises with each run of the process. */
  public int run() {
    return run;
  }

  /** Begins a run: it is mounted when a master has opened a session. */
  public void start() {
    host.restart();
    run++;
    forget();
    PeerDirectory direct =
        network.peers(
            new SimNetwork.Who(
                host,
                "client",
                this::session,
                null,
                0,
                (address, push) -> {
                  if (master != null) {
                    master.onPush(push);
                  }
                }));
    peers = variants.peers.wrap("mount", direct);
    agent = host.newAgent("mount");
    host.onCrash(
        () -> {
          forget();
          fibers.kill(host);
        });
    master = newClient();
    fibers.start(host, "mounting", this::mount);
  }

  private MasterClient newClient() {
    MasterClient client =
        new MasterClient(
            List.of(MasterNode.ADDRESS),
            address -> peers.peer(address),
            agent,
            Times.DEFAULT,
            new Random(random.nextLong()));
    client.addListener(new Events(client));
    client.setOpenInodes(() -> vfs == null ? List.of() : vfs.openInodes());
    return client;
  }

  private void forget() {
    vfs = null;
    files = null;
  }

  /** As the mount's process does it, from the bottom to the top. */
  private void mount() {
    SessionReply opened = openSession(master);
    files =
        new ReplicationClient(
            this,
            address -> peers.peer(address),
            agent,
            variants.mountTimes,
            ClientOptions.DEFAULT,
            opened,
            fibers::await,
            variants.lockSeam);
    locks = new FileLocks(this, agent, variants.mountTimes);
    names = variants.names.make(host, variants.mountTimes, this::tell);
    files.attributesListener(names::touched);
    vfs =
        new Vfs(
            this,
            Contents.over(files),
            locks,
            VfsOptions.of(opened.getVolume(), opened.getRoot()),
            new Threads(host, fibers::await, (name, loop) -> fibers.start(host, name, loop)),
            names);
  }

  private void tell(Request request) {
    call(
        request,
        Payload.EMPTY,
        Times.DEFAULT.memberCallNs(),
        (reply, payload) -> payload.release());
  }

  private SessionReply openSession(MasterClient client) {
    while (true) {
      try {
        OpenSession open =
            OpenSession.newBuilder().setVolume(VOLUME).setHost(host.name()).setPid(run).build();
        Request request = Request.newBuilder().setOpenSession(open).build();
        SessionReply opened = Replies.orThrow(ask(client, request, TRY_NS)).getSession();
        client.onOpened(opened);
        return opened;
      } catch (Outcome e) {
        fibers.sleep(PAUSE_NS);
      }
    }
  }

  /** A new session in place of one that ended. */
  private void reopen() {
    MasterClient next = newClient();
    SessionReply opened = openSession(next);
    master = next;
    for (long inode : vfs.openInodes()) {
      try {
        OpenInode open = OpenInode.newBuilder().setInode(inode).build();
        ask(next, Request.newBuilder().setOpenInode(open).build(), TRY_NS);
      } catch (Outcome e) {
        // Removed meanwhile, or no answer: as the mount's process does.
      }
    }
    files.onSessionReopened(opened);
    locks.onSessionReopened();
  }

  @Override
  public void call(Request request, Payload payload, long timeoutNs, ReplyHandler onReply) {
    master.call(request, payload, timeoutNs, onReply);
  }

  /** On a fiber, as all that follow. */
  @Override
  public Reply ask(Request request, long timeoutNs) throws Outcome {
    return Replies.orThrow(askAny(request, timeoutNs));
  }

  @Override
  public Reply askAny(Request request, long timeoutNs) throws Outcome {
    return ask(master, request, timeoutNs);
  }

  @Override
  public Reply mutate(Request.Builder request, long timeoutNs) throws Outcome {
    return ask(request.build(), timeoutNs);
  }

  private Reply ask(MasterClient client, Request request, long timeoutNs) throws Outcome {
    CompletableFuture<Reply> answer = new CompletableFuture<>();
    client.call(
        request,
        timeoutNs,
        (reply, payload) -> {
          payload.release();
          answer.complete(reply);
        });
    if (!fibers.await(answer, timeoutNs + PAUSE_NS)) {
      throw new Outcome(ErrorCode.TIMED_OUT, "no answer from the client of the master");
    }
    return answer.join();
  }

  /** On a fiber: writes back, lets go of everything, ends the session. */
  public void unmount() {
    vfs.close();
    files.close();
    try {
      CloseSession close = CloseSession.getDefaultInstance();
      ask(Request.newBuilder().setCloseSession(close).build(), Times.DEFAULT.operationNs());
    } catch (Outcome e) {
      // It ends by itself.
    }
    forget();
    // Not by the fiber itself: it is one of those that end.
    host.time().at(host.time().nowNs(), "exit", host::crash);
  }

  /** Events of one session; those of a former one are over. */
  private final class Events implements SessionEvents {
    private final MasterClient client;

    Events(MasterClient client) {
      this.client = client;
    }

    private boolean isCurrent() {
      return client == master && vfs != null;
    }

    @Override
    public void onRenewed(long sentNs, long lockdTerm, List<SetEpoch> epochs) {
      if (isCurrent()) {
        names.onRenewed(sentNs, lockdTerm, epochs);
        files.onRenewed(sentNs, lockdTerm, epochs);
        locks.onRenewed(sentNs, lockdTerm, epochs);
      }
    }

    @Override
    public void onPush(Push push) {
      if (isCurrent()) {
        names.onPush(push);
        files.onPush(push);
        locks.onPush(push);
      }
    }

    @Override
    public void onSessionEnded(String reason) {
      if (isCurrent()) {
        host.time().note(host.name(), "its session has ended: " + reason);
        names.onSessionEnded(reason);
        files.onSessionEnded(reason);
        locks.onSessionEnded(reason);
        fibers.start(host, "reopening", MountNode.this::reopen);
      }
    }
  }
}
