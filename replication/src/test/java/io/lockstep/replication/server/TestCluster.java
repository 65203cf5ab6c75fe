package io.lockstep.replication.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.core.SystemClock;
import io.lockstep.core.Token;
import io.lockstep.replication.heal.HealRules;
import io.lockstep.replication.marks.MarkRules;
import io.lockstep.replication.store.RowStore;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.AdoptConfig;
import io.lockstep.wire.message.ClearDirty;
import io.lockstep.wire.message.DaemonHeartbeatReply;
import io.lockstep.wire.message.EnsureReplica;
import io.lockstep.wire.message.HashObject;
import io.lockstep.wire.message.ListMarks;
import io.lockstep.wire.message.ListMarksReply;
import io.lockstep.wire.message.MemberMessage;
import io.lockstep.wire.message.ObjectContext;
import io.lockstep.wire.message.ObjectState;
import io.lockstep.wire.message.PullObject;
import io.lockstep.wire.message.ReadObject;
import io.lockstep.wire.message.RegisterDaemon;
import io.lockstep.wire.message.RegisterDaemonReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SealObject;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.SetConfigsReply;
import io.lockstep.wire.message.StatObject;
import io.lockstep.wire.message.SyncObjects;
import io.lockstep.wire.message.TruncateObject;
import io.lockstep.wire.message.WriteObject;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Guarded by its monitor. Three storage daemons in this process with a master that does what the
 * test says: it logs configurations, pushes them, and follows reports of healed members.
 */
final class TestCluster implements AutoCloseable {
  static final long SET = 7;
  static final long CLUSTER = 0xC1;
  static final String MASTER = "master";

  /** Immutable. One answer. */
  static final class Answer {
    private final Reply reply;
    private final byte[] bytes;

    Answer(Reply reply, byte[] bytes) {
      this.reply = reply;
      this.bytes = bytes;
    }

    Reply reply() {
      return reply;
    }

    byte[] bytes() {
      return bytes;
    }

    ErrorCode code() {
      return ErrorCode.ofNumber(reply.getCode());
    }
  }

  private final Path root;
  private final MemoryPeers peers = new MemoryPeers();
  private final StorageDaemon[] daemons;
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private final CompletableFuture<Void>[] registered;
  private final CompletableFuture<Void> healed = new CompletableFuture<>();
  private SetConfigMessage config;
  private MarkRules markRules = MarkRules.DEFAULT;
  private HealRules healRules = HealRules.DEFAULT;
  private long reserveBytes = 64L << 20;

  @SuppressWarnings({"unchecked", "rawtypes"})
  TestCluster(Path root, int count) {
    this.root = root;
    this.daemons = new StorageDaemon[count];
    this.registered = new CompletableFuture[count];
    this.config = SetConfigMessage.newBuilder().setSet(SET).setMinReplicas(2).setOpen(true).build();
    peers.put(MASTER, this::onMaster);
  }

  TestCluster with(MarkRules rules) {
    markRules = rules;
    return this;
  }

  TestCluster with(HealRules rules) {
    healRules = rules;
    return this;
  }

  MemoryPeers peers() {
    return peers;
  }

  StorageDaemon daemon(int member) {
    return daemons[member - 1];
  }

  Path directory(int member) {
    return root.resolve("daemon" + member);
  }

  static String address(int member) {
    return "daemon:" + member;
  }

  /** Starts all, makes the set, all RW at epoch 1. */
  TestCluster start() throws Exception {
    for (int member = 1; member <= daemons.length; member++) {
      startDaemon(member);
    }
    makeSet();
    return this;
  }

  /** Bytes that daemons keep free which start from now on. */
  void reserve(long bytes) {
    reserveBytes = bytes;
  }

  /** The set, on all daemons, at epoch 1. */
  void makeSet() throws Exception {
    SetConfigMessage.Builder first = config.toBuilder().setEpoch(1).clearMembers();
    for (int member = 1; member <= daemons.length; member++) {
      first.addMembers(memberMessage(member, MemberMode.RW));
    }
    setConfig(first.build());
    for (int member = 1; member <= daemons.length; member++) {
      ok(
          call(
              member,
              Request.newBuilder()
                  .setEnsureReplica(
                      EnsureReplica.newBuilder().setSet(SET).setVolume(1).setConfig(config()))));
    }
  }

  private MemberMessage memberMessage(int member, MemberMode mode) {
    return MemberMessage.newBuilder()
        .setId(member)
        .setDaemon(Convert.message(daemon(member).daemon()))
        .setMode(mode.number())
        .setIncarnation(daemon(member).incarnation())
        .setAddress(address(member))
        .build();
  }

  void startDaemon(int member) throws Exception {
    openUnregistered(member);
    registered[member - 1].get(10, TimeUnit.SECONDS);
    // The daemon serves once it has handled the answer.
    while (!daemon(member).isRegistered()) {
      Thread.onSpinWait();
    }
  }

  /** Starts it and does not wait for a master to answer. */
  void openUnregistered(int member) throws Outcome {
    registered[member - 1] = new CompletableFuture<>();
    StorageAgents agents =
        StorageAgents.threads(
            SystemClock.INSTANCE,
            (agent, problem) -> {
              problem.printStackTrace();
              failure.compareAndSet(null, problem);
            });
    StorageDaemon daemon =
        StorageDaemon.open(
            options(member),
            peers,
            agents,
            outcome -> failure.compareAndSet(null, outcome),
            new StorageDaemon.Parts(RowStore::rocks, markRules, healRules));
    daemons[member - 1] = daemon;
    peers.put(address(member), daemon);
    daemon.start(address(member));
  }

  private StorageDaemonOptions options(int member) {
    StorageDaemonOptions usual = StorageDaemonOptions.of(directory(member), List.of(MASTER));
    return new StorageDaemonOptions(
        usual.directory(),
        usual.masters(),
        usual.cluster(),
        usual.daemon(),
        usual.zone(),
        usual.version(),
        reserveBytes,
        usual.openFilesMax(),
        usual.heartbeatNs(),
        usual.callTimeoutNs(),
        usual.verifyNs());
  }

  void stopDaemon(int member) {
    peers.remove(address(member));
    daemons[member - 1].close();
    daemons[member - 1] = null;
  }

  synchronized SetConfigMessage config() {
    return config;
  }

  private synchronized void setConfig(SetConfigMessage now) {
    config = now;
  }

  /** Logs a mode, at a new epoch, with the member's incarnation of now. */
  void become(int member, MemberMode mode) {
    synchronized (this) {
      SetConfigMessage.Builder next = config.toBuilder().setEpoch(config.getEpoch() + 1);
      for (int i = 0; i < next.getMembersCount(); i++) {
        if (next.getMembers(i).getId() == member) {
          next.setMembers(
              i,
              daemon(member) == null
                  ? next.getMembers(i).toBuilder().setMode(mode.number()).build()
                  : memberMessage(member, mode));
        }
      }
      config = next.build();
    }
  }

  /** Logs whether the set is open, at a new epoch. */
  synchronized void setOpen(boolean open) {
    config = config.toBuilder().setEpoch(config.getEpoch() + 1).setOpen(open).build();
  }

  /** Pushes the configuration to these members and waits until they adopted it. */
  void adopt(boolean heal, int... members) throws Exception {
    for (int member : members) {
      ok(
          call(
              member,
              Request.newBuilder()
                  .setAdoptConfig(AdoptConfig.newBuilder().setConfig(config()).setHeal(heal))));
    }
  }

  private void onMaster(Request request, Payload payload, Responder responder) {
    payload.release();
    switch (request.getBodyCase()) {
      case REGISTER_DAEMON -> {
        RegisterDaemon register = request.getRegisterDaemon();
        RegisterDaemonReply.Builder reply = RegisterDaemonReply.newBuilder().setCluster(CLUSTER);
        if (config().getEpoch() > 0) {
          reply.addSets(config());
        }
        responder.reply(Reply.newBuilder().setRegisterDaemon(reply).build());
        int member = Integer.parseInt(register.getAddress().substring("daemon:".length()));
        registered[member - 1].complete(null);
      }
      case DAEMON_HEARTBEAT ->
          responder.reply(
              Reply.newBuilder()
                  .setDaemonHeartbeat(DaemonHeartbeatReply.getDefaultInstance())
                  .build());
      case GET_SET_CONFIGS -> responder.reply(configs());
      case REPORT_HEALED -> {
        if (request.getReportHealed().getEpoch() != config().getEpoch()) {
          responder.fail(ErrorCode.CONFLICT, "epoch is " + config().getEpoch());
          return;
        }
        become(request.getReportHealed().getMember(), MemberMode.RW);
        responder.reply(configs());
        healed.complete(null);
      }
      default -> responder.fail(ErrorCode.BAD_REQUEST, request.getBodyCase().name());
    }
  }

  private Reply configs() {
    return Reply.newBuilder().setSetConfigs(SetConfigsReply.newBuilder().addSets(config())).build();
  }

  void awaitHealed() throws Exception {
    healed.get(60, TimeUnit.SECONDS);
    checkFailure();
  }

  void checkFailure() {
    assertThat(failure.get()).isNull();
  }

  // ---- requests

  Answer call(int member, Request.Builder request) throws Exception {
    return call(member, request, Payload.EMPTY);
  }

  Answer call(int member, Request.Builder request, Payload payload) throws Exception {
    try {
      return async(member, request, payload).get(20, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      checkFailure();
      throw new AssertionError("no answer to " + request, e);
    }
  }

  CompletableFuture<Answer> async(int member, Request.Builder request, Payload payload) {
    CompletableFuture<Answer> answer = new CompletableFuture<>();
    peers
        .peer(address(member))
        .call(
            request.build(),
            payload,
            TimeUnit.SECONDS.toNanos(10),
            (reply, bytes) -> {
              byte[] copy = bytes.toByteArray();
              bytes.release();
              answer.complete(new Answer(reply, copy));
            });
    return answer;
  }

  static Answer ok(Answer answer) {
    assertThat(answer.code()).as(answer.reply().getMessage()).isEqualTo(ErrorCode.OK);
    return answer;
  }

  ObjectContext.Builder context(long inode, Token token, long cycle) {
    ObjectContext.Builder context =
        ObjectContext.newBuilder()
            .setSet(SET)
            .setInode(inode)
            .setEpoch(config().getEpoch())
            .setToken(Convert.message(token))
            .setCycle(cycle);
    config().getMembersList().stream()
        .filter(m -> m.getMode() == MemberMode.ERR.number())
        .forEach(m -> context.addAbsent(m.getId()));
    return context;
  }

  Request.Builder write(long inode, Token token, long cycle, long offset) {
    return Request.newBuilder()
        .setWriteObject(
            WriteObject.newBuilder().setContext(context(inode, token, cycle)).setOffset(offset));
  }

  /** Writes to every member that takes writes, at the configuration of now, until all took it. */
  void writeAll(long inode, Token token, long cycle, long offset, byte[] bytes) throws Exception {
    for (int attempt = 0; attempt < 10_000; attempt++) {
      List<CompletableFuture<Answer>> answers = new ArrayList<>();
      for (int member : writers()) {
        answers.add(async(member, write(inode, token, cycle, offset), Payload.of(bytes.clone())));
      }
      boolean again = false;
      for (CompletableFuture<Answer> answer : answers) {
        ErrorCode code = answer.get(20, TimeUnit.SECONDS).code();
        if (code == ErrorCode.STALE_EPOCH || code == ErrorCode.BUSY) {
          again = true;
        } else {
          assertThat(code).isEqualTo(ErrorCode.OK);
        }
      }
      if (!again) {
        return;
      }
    }
    throw new AssertionError("a write is refused for ever at " + config());
  }

  void truncateAll(long inode, Token token, long cycle, long size) throws Exception {
    for (int attempt = 0; attempt < 10_000; attempt++) {
      boolean again = false;
      for (int member : writers()) {
        ErrorCode code =
            call(
                    member,
                    Request.newBuilder()
                        .setTruncateObject(
                            TruncateObject.newBuilder()
                                .setContext(context(inode, token, cycle))
                                .setSize(size)))
                .code();
        again |= code == ErrorCode.STALE_EPOCH || code == ErrorCode.BUSY;
        assertThat(code).isIn(ErrorCode.OK, ErrorCode.STALE_EPOCH, ErrorCode.BUSY);
      }
      if (!again) {
        return;
      }
    }
    throw new AssertionError("a truncate is refused for ever at " + config());
  }

  List<Integer> writers() {
    return config().getMembersList().stream()
        .filter(m -> m.getMode() != MemberMode.ERR.number())
        .map(MemberMessage::getId)
        .toList();
  }

  /** Sync and post-op at every member that takes writes. */
  void clearAll(long inode, Token token, long cycle) throws Exception {
    for (int member : writers()) {
      ok(sync(member, inode));
    }
    for (int member : writers()) {
      ok(clear(member, inode, token, cycle));
    }
  }

  Answer sync(int member, long inode) throws Exception {
    return call(
        member,
        Request.newBuilder()
            .setSyncObjects(
                SyncObjects.newBuilder()
                    .setSet(SET)
                    .setEpoch(config().getEpoch())
                    .addInodes(inode)));
  }

  Answer clear(int member, long inode, Token token, long cycle) throws Exception {
    ClearDirty.Builder clear =
        ClearDirty.newBuilder()
            .setSet(SET)
            .setEpoch(config().getEpoch())
            .addItems(
                ClearDirty.Item.newBuilder()
                    .setInode(inode)
                    .setToken(Convert.message(token))
                    .setCycle(cycle));
    return call(member, Request.newBuilder().setClearDirty(clear));
  }

  Answer seal(int member, long inode, Token token) throws Exception {
    return call(
        member,
        Request.newBuilder()
            .setSealObject(
                SealObject.newBuilder()
                    .setSet(SET)
                    .setEpoch(config().getEpoch())
                    .setInode(inode)
                    .setToken(Convert.message(token))));
  }

  Answer read(int member, long inode, long offset, int length) throws Exception {
    return call(
        member,
        Request.newBuilder()
            .setReadObject(
                ReadObject.newBuilder()
                    .setContext(context(inode, Token.NONE, 0))
                    .setOffset(offset)
                    .setLength(length)));
  }

  ObjectState stat(int member, long inode) throws Exception {
    return ok(call(
            member,
            Request.newBuilder()
                .setStatObject(StatObject.newBuilder().setSet(SET).setInode(inode))))
        .reply()
        .getObjectState();
  }

  ListMarksReply marks(int member, int forMember) throws Exception {
    return ok(call(
            member,
            Request.newBuilder()
                .setListMarks(
                    ListMarks.newBuilder()
                        .setSet(SET)
                        .setEpoch(config().getEpoch())
                        .setForMember(forMember))))
        .reply()
        .getListMarks();
  }

  /** The object's bytes on this member, checksums verified. */
  byte[] content(int member, long inode) throws Exception {
    long size = stat(member, inode).getSize();
    byte[] all = new byte[Math.toIntExact(size)];
    for (int at = 0; at < size; at += Limits.PAYLOAD_BYTES_MAX) {
      int length = (int) Math.min(Limits.PAYLOAD_BYTES_MAX, size - at);
      byte[] part =
          ok(call(
                  member,
                  Request.newBuilder()
                      .setPullObject(
                          PullObject.newBuilder()
                              .setSet(SET)
                              .setInode(inode)
                              .setOffset(at)
                              .setLength(length))))
              .bytes();
      assertThat(part).hasSize(length);
      System.arraycopy(part, 0, all, at, length);
    }
    return all;
  }

  /** Whether the object is the same on both, by the bytes on their disks. */
  boolean isEqual(int a, int b, long inode) throws Exception {
    return stat(a, inode).getSize() == stat(b, inode).getSize()
        && Arrays.equals(hash(a, inode), hash(b, inode));
  }

  private byte[] hash(int member, long inode) throws Exception {
    return ok(call(
            member,
            Request.newBuilder()
                .setHashObject(
                    HashObject.newBuilder().setSet(SET).setInode(inode).setBlocks(4096))))
        .reply()
        .getHashObject()
        .getCrcs()
        .toByteArray();
  }

  @Override
  public void close() throws Outcome {
    for (StorageDaemon daemon : daemons) {
      if (daemon != null) {
        daemon.close();
      }
    }
    checkFailure();
  }
}
