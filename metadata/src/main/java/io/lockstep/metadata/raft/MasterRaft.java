package io.lockstep.metadata.raft;

import io.lockstep.core.ErrorCode;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.store.DataDirectory;
import io.lockstep.metadata.store.Generations;
import io.lockstep.wire.message.LogEntry;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.grpc.GrpcConfigKeys;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.protocol.exceptions.LeaderNotReadyException;
import org.apache.ratis.protocol.exceptions.NotLeaderException;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerConfigKeys;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.util.SizeInBytes;
import org.apache.ratis.util.TimeDuration;

/**
 * Immutable once started. One master's part in the replicated log, by Apache Ratis: proposes
 * entries in-process, and holds the state that committed entries made.
 */
public final class MasterRaft implements ReplicatedLog {
  // The logger is kept: a logger that nobody holds forgets its level.
  private static final Logger RATIS_NETTY = Logger.getLogger("org.apache.ratis.thirdparty");

  static {
    RATIS_NETTY.setLevel(Level.WARNING);
  }

  private final DataDirectory directory;
  private final Generations generations = new Generations();
  private final ClientId client = ClientId.randomId();
  private final AtomicLong calls = new AtomicLong();
  private final RaftGroupId group;
  private final RaftPeerId self;
  private final ReplicatedState state;
  private final RaftServer server;

  /** Owns {@code directory} from now on, also if this fails. */
  public static MasterRaft open(DataDirectory directory, RaftOptions options, RaftEvents events)
      throws IOException {
    try {
      return new MasterRaft(directory, options, events);
    } catch (IOException | RuntimeException e) {
      directory.close();
      throw e;
    }
  }

  private MasterRaft(DataDirectory directory, RaftOptions options, RaftEvents events)
      throws IOException {
    this.directory = directory;
    this.group = RaftGroupId.valueOf(new UUID(0x6c6f636b73746570L, directory.cluster()));
    this.self = RaftPeerId.valueOf(options.self());
    List<RaftPeer> peers =
        options.members().stream()
            .map(m -> RaftPeer.newBuilder().setId(m.id()).setAddress(m.address()).build())
            .toList();
    boolean known = Files.isDirectory(directory.raft().resolve(group.getUuid().toString()));
    this.state = new ReplicatedState(generations, new Checkpoints(directory.state()), events);
    this.server =
        RaftServer.newBuilder()
            .setServerId(self)
            .setGroup(RaftGroup.valueOf(group, peers))
            .setStateMachine(state)
            .setProperties(properties(directory, options))
            .setOption(known ? RaftStorage.StartupOption.RECOVER : RaftStorage.StartupOption.FORMAT)
            .build();
  }

  private static RaftProperties properties(DataDirectory directory, RaftOptions options) {
    RaftProperties p = new RaftProperties();
    RaftServerConfigKeys.setStorageDir(p, List.of(directory.raft().toFile()));
    RaftServerConfigKeys.setRemovedGroupsDir(p, directory.path().resolve("removed").toFile());
    GrpcConfigKeys.Server.setHost(p, options.bindHost());
    GrpcConfigKeys.Server.setPort(p, options.port());
    // A frozen process goes on when it wakes; its followers will have elected another leader.
    RaftServerConfigKeys.setCloseThreshold(p, TimeDuration.valueOf(1, TimeUnit.DAYS));

    boolean alone = options.members().size() == 1;
    RaftServerConfigKeys.Rpc.setTimeoutMin(p, millis(alone ? 100 : 600));
    RaftServerConfigKeys.Rpc.setTimeoutMax(p, millis(alone ? 200 : 1200));

    RaftServerConfigKeys.Log.setSegmentSizeMax(p, SizeInBytes.valueOf("8MB"));
    RaftServerConfigKeys.Log.setSegmentCacheNumMax(p, 2);
    RaftServerConfigKeys.Log.setSegmentCacheSizeMax(p, SizeInBytes.valueOf("16MB"));
    RaftServerConfigKeys.Log.setPreallocatedSize(p, SizeInBytes.valueOf("4MB"));
    RaftServerConfigKeys.Log.Appender.setBufferByteLimit(p, SizeInBytes.valueOf("3MB"));
    RaftServerConfigKeys.Log.setWriteBufferSize(p, SizeInBytes.valueOf("4MB"));
    RaftServerConfigKeys.Log.setQueueByteLimit(p, SizeInBytes.valueOf("16MB"));
    RaftServerConfigKeys.Write.setByteLimit(p, SizeInBytes.valueOf("16MB"));
    // The commit index follows from the next leader's first entry; writing it costs a sync each.
    RaftServerConfigKeys.Log.setLogMetadataEnabled(p, false);
    RaftServerConfigKeys.Log.setAppendEntriesComposeEnabled(p, false);
    RaftServerConfigKeys.Log.Appender.setWaitTimeMin(p, millis(0));
    // A master that is behind pulls a checkpoint itself; Ratis sends no files.
    RaftServerConfigKeys.Log.Appender.setInstallSnapshotEnabled(p, false);
    RaftServerConfigKeys.Log.setPurgeUptoSnapshotIndex(p, true);
    RaftServerConfigKeys.Log.setPurgeGap(p, 1);

    RaftServerConfigKeys.Snapshot.setAutoTriggerEnabled(p, true);
    RaftServerConfigKeys.Snapshot.setAutoTriggerThreshold(p, options.snapshotEntries());
    RaftServerConfigKeys.Snapshot.setCreationGap(p, 1);
    RaftServerConfigKeys.Snapshot.setRetentionFileNum(p, 2);
    RaftServerConfigKeys.Snapshot.setTriggerWhenStopEnabled(p, false);

    // Sessions have their own table of answers; Ratis' cache only costs memory.
    RaftServerConfigKeys.RetryCache.setExpiryTime(p, TimeDuration.valueOf(2, TimeUnit.SECONDS));
    RaftServerConfigKeys.Read.setOption(p, RaftServerConfigKeys.Read.Option.LINEARIZABLE);
    RaftServerConfigKeys.Read.setLeaderLeaseEnabled(p, true);
    return p;
  }

  private static TimeDuration millis(int count) {
    return TimeDuration.valueOf(count, TimeUnit.MILLISECONDS);
  }

  @Override
  public long cluster() {
    return directory.cluster();
  }

  @Override
  public void start() throws IOException {
    server.start();
  }

  @Override
  public KvStore.Snapshot snapshot() {
    return generations.snapshot();
  }

  @Override
  public long appliedIndex() {
    try {
      return server.getDivision(group).getInfo().getLastAppliedIndex();
    } catch (IOException e) {
      return -1;
    }
  }

  @Override
  public void propose(LogEntry entry, Handler handler) {
    Proposal proposal = new Proposal(entry, handler);
    RaftClientRequest request =
        RaftClientRequest.newBuilder()
            .setClientId(client)
            .setServerId(self)
            .setGroupId(group)
            .setCallId(calls.incrementAndGet())
            .setMessage(proposal)
            .setType(RaftClientRequest.writeRequestType())
            .build();
    try {
      server
          .submitClientRequestAsync(request)
          .whenComplete((reply, failure) -> onDone(proposal, reply, failure));
    } catch (IOException e) {
      proposal.failed(ErrorCode.CLOSING, e.getMessage());
    }
  }

  private static void onDone(Proposal proposal, RaftClientReply reply, Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    if (cause == null && reply != null && !reply.isSuccess()) {
      cause = reply.getException();
    }
    if (cause instanceof NotLeaderException || cause instanceof LeaderNotReadyException) {
      proposal.failed(ErrorCode.NOT_LEADER, cause.getMessage());
    } else if (cause != null) {
      proposal.failed(ErrorCode.CLOSING, String.valueOf(cause.getMessage()));
    }
    // Success needs nothing: the state machine has answered before Ratis did.
  }

  @Override
  public void close() throws IOException {
    state.expectClose();
    server.close();
    generations.close();
    directory.close();
  }
}
