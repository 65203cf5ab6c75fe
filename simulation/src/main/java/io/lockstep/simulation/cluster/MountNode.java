package io.lockstep.simulation.cluster;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.core.Times;
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
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.CloseInodes;
import io.lockstep.wire.message.CreateInode;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.OpenSession;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SessionReply;
import io.lockstep.wire.message.SetEpoch;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/**
 * Confined to the thread of the simulation and the fibers of its host. A mount's process, one run
 * after another: the production client of the master and the production files, without a kernel.
 */
public final class MountNode implements Peer {
  private static final long PAUSE_NS = 200_000_000;
  private static final long TRY_NS = 5_000_000_000L;
  private static final String VOLUME = "volume";

  private final SimHost host;
  private final SimNetwork network;
  private final Fibers fibers;
  private final Random random;
  private final Times times;
  private final Map<Long, Integer> opens = new TreeMap<>();
  private PeerDirectory peers;
  private io.lockstep.core.Agent agent;
  private MasterClient master;
  private ReplicationClient files;
  private long root;
  private int run;

  MountNode(SimHost host, SimNetwork network, Fibers fibers, Random random, Times times) {
    this.host = host;
    this.network = network;
    this.fibers = fibers;
    this.random = random;
    this.times = times;
  }

  public SimHost host() {
    return host;
  }

  public Fibers fibers() {
    return fibers;
  }

  /** Whether a session is open and files can be used. */
  public boolean isMounted() {
    return host.isUp() && files != null;
  }

  public long root() {
    return root;
  }

  /** The files of the present run. */
  public ReplicationClient files() {
    return files;
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
    files = null;
    opens.clear();
    peers =
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
    agent = host.newAgent("mount");
    host.onCrash(
        () -> {
          files = null;
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
    client.setOpenInodes(() -> List.copyOf(opens.keySet()));
    return client;
  }

  private void mount() {
    SessionReply opened = openSession(master);
    root = opened.getRoot();
    files =
        new ReplicationClient(
            this,
            address -> peers.peer(address),
            agent,
            times,
            ClientOptions.DEFAULT,
            opened,
            fibers::await);
  }

  private SessionReply openSession(MasterClient client) {
    while (true) {
      try {
        OpenSession open =
            OpenSession.newBuilder().setVolume(VOLUME).setHost(host.name()).setPid(run).build();
        SessionReply opened =
            ask(client, Request.newBuilder().setOpenSession(open).build(), TRY_NS).getSession();
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
    for (long inode : List.copyOf(opens.keySet())) {
      try {
        ask(
            next,
            Request.newBuilder()
                .setOpenInode(io.lockstep.wire.message.OpenInode.newBuilder().setInode(inode))
                .build(),
            TRY_NS);
      } catch (Outcome e) {
        // Removed meanwhile: it is gone.
      }
    }
    files.onSessionReopened(opened);
  }

  @Override
  public void call(Request request, Payload payload, long timeoutNs, ReplyHandler onReply) {
    master.call(request, payload, timeoutNs, onReply);
  }

  /** On a fiber: asks the master, within the time of an operation. */
  public Reply ask(Request request) throws Outcome {
    return ask(master, request, Times.DEFAULT.operationNs());
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
    return Replies.orThrow(answer.join());
  }

  /** On a fiber: makes or finds a file below the root and has it open. */
  public Attributes openFile(String name) throws Outcome {
    CreateInode create =
        CreateInode.newBuilder()
            .setParent(root)
            .setName(ByteString.copyFromUtf8(name))
            .setType(FileType.REGULAR)
            .setMode(0644)
            .setOpen(true)
            .setExistingOk(true)
            .build();
    Attributes attributes =
        ask(Request.newBuilder().setCreateInode(create).build()).getCreateInode().getAttributes();
    opens.merge(attributes.getInode(), 1, Integer::sum);
    return attributes;
  }

  /** On a fiber: the last close of an inode is told to the master. */
  public void closeFile(long inode) {
    Integer left = opens.computeIfPresent(inode, (i, n) -> n == 1 ? null : n - 1);
    if (left == null) {
      try {
        ask(Request.newBuilder().setCloseInodes(CloseInodes.newBuilder().addInodes(inode)).build());
      } catch (Outcome e) {
        // Counts as open there until the session ends.
      }
    }
  }

  /** On a fiber: writes back, lets go of everything, ends the session. */
  public void unmount() {
    files.close();
    try {
      ask(
          Request.newBuilder()
              .setCloseSession(io.lockstep.wire.message.CloseSession.getDefaultInstance())
              .build());
    } catch (Outcome e) {
      // It ends by itself.
    }
    files = null;
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
      return client == master && files != null;
    }

    @Override
    public void onRenewed(long sentNs, long lockdTerm, List<SetEpoch> epochs) {
      if (isCurrent()) {
        files.onRenewed(sentNs, lockdTerm, epochs);
      }
    }

    @Override
    public void onPush(Push push) {
      if (isCurrent()) {
        files.onPush(push);
      }
    }

    @Override
    public void onSessionEnded(String reason) {
      if (isCurrent()) {
        host.time().note(host.name(), "its session has ended: " + reason);
        files.onSessionEnded(reason);
        fibers.start(host, "reopening", MountNode.this::reopen);
      }
    }
  }
}
