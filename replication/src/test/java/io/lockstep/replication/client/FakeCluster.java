package io.lockstep.replication.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.SetConfig;
import io.lockstep.core.Times;
import io.lockstep.core.Token;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.AttributesReply;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.ReclaimLeases;
import io.lockstep.wire.message.ReclaimReply;
import io.lockstep.wire.message.RefreshInodes;
import io.lockstep.wire.message.ReleaseLease;
import io.lockstep.wire.message.ReleaseLeaseItem;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.ReportMember;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SessionReply;
import io.lockstep.wire.message.SetAttributes;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.SetConfigsReply;
import io.lockstep.wire.message.SetEpoch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Consumer;

/** Confined to virtual time. Master, lockd and three members in memory, and clients on them. */
final class FakeCluster implements PeerDirectory {
  static final long SET = 77;
  static final long MASTER_DELAY_NS = 300_000;

  /** One client with its session. */
  final class Mount {
    final long session;
    final ReplicationClient client;
    private boolean renewing = true;

    Mount(long session, ClientOptions options, LockSeam seam) {
      this.session = session;
      this.client =
          new ReplicationClient(
              new Master(this),
              FakeCluster.this,
              time,
              Times.DEFAULT,
              options,
              SessionReply.newBuilder().setSession(session).addSets(configMessage()).build(),
              time,
              seam);
      renew();
    }

    private void renew() {
      if (renewing && !ended.contains(session)) {
        long sentNs = time.nowNs();
        time.schedule(MASTER_DELAY_NS, () -> client.onRenewed(sentNs, lockd.term, epochs()));
        time.schedule(Times.DEFAULT.renewalNs(), this::renew);
      }
    }

    private List<SetEpoch> epochs() {
      return List.of(SetEpoch.newBuilder().setSet(SET).setEpoch(config.epoch()).build());
    }

    /** Cut off from the master: no renewal, no push, no answer. */
    void cutOff() {
      renewing = false;
    }

    boolean isCutOff() {
      return !renewing;
    }

    void reconnect() {
      renewing = true;
      renew();
    }

    FileContent open(long inode) {
      return client.open(attributes(inode));
    }
  }

  /** What one client talks to. */
  private final class Master implements Peer {
    private final Mount mount;

    Master(Mount mount) {
      this.mount = mount;
    }

    @Override
    public void call(Request request, Payload payload, long timeoutNs, ReplyHandler onReply) {
      boolean[] answered = {false};
      Consumer<Reply> once =
          reply -> {
            if (!answered[0]) {
              answered[0] = true;
              onReply.onReply(reply, Payload.EMPTY);
            }
          };
      time.schedule(timeoutNs, () -> once.accept(Replies.failure(ErrorCode.TIMED_OUT, "")));
      time.schedule(
          delayNs(MASTER_DELAY_NS),
          () -> {
            if (mount.isCutOff()) {
              return;
            }
            requests.merge(request.getBodyCase(), 1, Integer::sum);
            if (ended.contains(mount.session)) {
              once.accept(Replies.failure(ErrorCode.SESSION_ENDED, ""));
              return;
            }
            handle(
                mount.session,
                request,
                reply -> time.schedule(delayNs(MASTER_DELAY_NS), () -> once.accept(reply)));
          });
    }
  }

  /** Null = every message takes the same time. */
  Random chaos;

  final TestTime time;
  final FakeLockd lockd = new FakeLockd(this);
  final List<FakeMember> members = new ArrayList<>();
  final List<Mount> mounts = new ArrayList<>();
  final Set<Long> ended = new TreeSet<>();
  final Map<Request.BodyCase, Integer> requests = new EnumMap<>(Request.BodyCase.class);
  final List<ReportMember> reports = new ArrayList<>();
  private final Map<Long, Attributes> inodes = new TreeMap<>();
  SetConfig config;

  FakeCluster() {
    this(new VirtualTime());
  }

  FakeCluster(TestTime time) {
    this.time = time;
    List<Member> list = new ArrayList<>();
    for (int id = 1; id <= 3; id++) {
      members.add(new FakeMember(this, id));
      list.add(new Member(id, new UUID(0, id), MemberMode.RW, 1));
    }
    config = new SetConfig(SET, 1, 2, true, list);
  }

  /** The end of a test: whatever is left in buffers is given back. */
  void close() {
    mounts.forEach(mount -> mount.client.close());
    time.pass(Times.DEFAULT.operationNs());
  }

  Mount mount() {
    return mount(ClientOptions.DEFAULT);
  }

  Mount mount(ClientOptions options) {
    return mount(options, LockSeam.PRODUCTION);
  }

  Mount mount(ClientOptions options, LockSeam seam) {
    Mount mount = new Mount(mounts.size() + 1, options, seam);
    mounts.add(mount);
    return mount;
  }

  FakeMember member(int id) {
    return members.get(id - 1);
  }

  @Override
  public Peer peer(String address) {
    return member(Integer.parseInt(address.substring("member:".length())));
  }

  SetConfigMessage configMessage() {
    Map<UUID, String> addresses = new HashMap<>();
    config.members().forEach(m -> addresses.put(m.daemon(), "member:" + m.id()));
    return Convert.message(config, addresses);
  }

  Attributes attributes(long inode) {
    return inodes.computeIfAbsent(
        inode,
        id ->
            Attributes.newBuilder()
                .setInode(id)
                .setType(FileType.REGULAR)
                .setMode(0644)
                .setNlink(1)
                .setSet(SET)
                .build());
  }

  void that(boolean condition, String message) {
    assertThat(condition).as(message).isTrue();
  }

  /** Mostly a little, sometimes a lot more than usual. */
  long delayNs(long usualNs) {
    if (chaos == null) {
      return usualNs;
    }
    return chaos.nextInt(20) == 0
        ? chaos.nextInt(200_000_000)
        : usualNs / 2 + chaos.nextInt((int) usualNs);
  }

  /** A member that was away is back: it takes writes, is made equal, and serves reads again. */
  void heal(int id) {
    setMode(id, MemberMode.WO);
    FakeMember healed = member(id);
    healed.health = FakeMember.Health.UP;
    healed.objects.values().forEach(copy -> copy.beginHeal());
    time.schedule(
        50_000_000,
        () -> {
          if (config.member(id).mode() != MemberMode.WO) {
            return;
          }
          FakeMember source = member(config.readers().get(0).id());
          source.objects.forEach((inode, copy) -> healed.object(inode).healFrom(copy));
          members.forEach(m -> m.objects.values().forEach(copy -> copy.pending.remove(id)));
          setMode(id, MemberMode.RW);
        });
  }

  void push(long session, Push push) {
    time.schedule(
        delayNs(MASTER_DELAY_NS),
        () -> {
          for (Mount mount : mounts) {
            if (mount.session == session && !mount.isCutOff()) {
              mount.client.onPush(push);
            }
          }
        });
  }

  void setMode(int id, MemberMode mode) {
    config =
        new SetConfig(
            SET,
            config.epoch() + 1,
            config.minReplicas(),
            config.open(),
            config.openedEpoch(),
            config.members().stream()
                .map(m -> m.id() == id ? m.with(mode, m.incarnation()) : m)
                .toList());
    for (Member member : config.writers()) {
      member(member.id()).epoch = config.epoch();
    }
  }

  /** All members lost power: what they had not synced is gone, they settled, the set opened. */
  void openAnew() {
    long epoch = config.epoch() + 1;
    config =
        new SetConfig(
            SET,
            epoch,
            config.minReplicas(),
            true,
            epoch,
            config.members().stream().map(m -> m.with(m.mode(), m.incarnation() + 1)).toList());
    for (FakeMember member : members) {
      member.epoch = epoch;
      member.objects.values().removeIf(copy -> !copy.synced);
    }
  }

  /** As the master does after an unclean end: sealed, equal, and the size is theirs. */
  void settle(long inode, Token token) {
    byte[] bytes = member(config.readers().get(0).id()).object(inode).bytes;
    for (Member member : config.writers()) {
      FakeMember.Copy object = member(member.id()).object(inode);
      object.newest = token;
      object.bytes = Arrays.copyOf(bytes, bytes.length);
      object.dirtyToken = null;
    }
    inodes.put(
        inode,
        attributes(inode).toBuilder()
            .setSize(bytes.length)
            .setSizeToken(Convert.message(token))
            .build());
  }

  void endSession(long session) {
    ended.add(session);
    lockd.endSession(session);
  }

  private void handle(long session, Request request, Consumer<Reply> onReply) {
    switch (request.getBodyCase()) {
      case ACQUIRE_LEASE -> lockd.acquire(session, request.getAcquireLease(), onReply);
      case RELEASE_LEASES -> {
        for (ReleaseLeaseItem item : request.getReleaseLeases().getLeasesList()) {
          lockd.release(session, item.getInode(), item.getLease(), item.getClean());
        }
        onReply.accept(Replies.OK);
      }
      case RELEASE_LEASE -> {
        ReleaseLease released = request.getReleaseLease();
        lockd.release(session, released.getInode(), released.getLease(), released.getClean());
        onReply.accept(Replies.OK);
      }
      case RECALL_NOT_MINE -> {
        lockd.release(
            session,
            request.getRecallNotMine().getInode(),
            request.getRecallNotMine().getLease(),
            false);
        onReply.accept(Replies.OK);
      }
      case RECLAIM_LEASES -> reclaim(session, request.getReclaimLeases(), onReply);
      case REFRESH_INODES -> {
        request.getRefreshInodes().getUpdatesList().forEach(this::refresh);
        onReply.accept(Replies.OK);
      }
      case SET_ATTRIBUTES -> setAttributes(request.getSetAttributes(), onReply);
      case GET_SET_CONFIGS -> onReply.accept(configs());
      case REPORT_MEMBER -> report(request.getReportMember(), onReply);
      case ANSWER_QUERY -> onReply.accept(Replies.OK);
      default -> throw new AssertionError(request);
    }
  }

  private void reclaim(long session, ReclaimLeases reclaim, Consumer<Reply> onReply) {
    for (ReclaimLeases.Item item : reclaim.getLeasesList()) {
      lockd.reclaim(
          session,
          item.getInode(),
          item.getLease(),
          item.getMode(),
          Convert.token(item.getToken()));
    }
    onReply.accept(Reply.newBuilder().setReclaim(ReclaimReply.getDefaultInstance()).build());
  }

  private void refresh(RefreshInodes.Update update) {
    Attributes before = attributes(update.getInode());
    if (Convert.token(update.getToken()).isOlderThan(Convert.token(before.getSizeToken()))) {
      return;
    }
    Attributes.Builder after =
        before.toBuilder().setSize(update.getSize()).setSizeToken(update.getToken());
    if (update.hasMtime()) {
      after.setMtime(update.getMtime());
    }
    inodes.put(update.getInode(), after.build());
  }

  private void setAttributes(SetAttributes request, Consumer<Reply> onReply) {
    Attributes.Builder after = attributes(request.getInode()).toBuilder();
    if (request.hasSize()) {
      after.setSize(request.getSize()).setMtime(Convert.timestamp(time.wallTimeNs()));
    }
    if (request.hasToken()) {
      after.setSizeToken(request.getToken());
    }
    if (request.hasMtime()) {
      after.setMtime(request.getMtime());
    }
    if (request.hasMode()) {
      after.setMode(request.getMode());
    }
    inodes.put(request.getInode(), after.build());
    onReply.accept(
        Reply.newBuilder()
            .setAttributes(AttributesReply.newBuilder().setAttributes(after))
            .build());
  }

  private Reply configs() {
    return Reply.newBuilder()
        .setSetConfigs(SetConfigsReply.newBuilder().addSets(configMessage()))
        .build();
  }

  private void report(ReportMember report, Consumer<Reply> onReply) {
    reports.add(report);
    if (report.getEpoch() == config.epoch()) {
      Member member = config.member(report.getMember());
      if (member.mode() == MemberMode.RW && config.readers().size() <= config.minReplicas()) {
        onReply.accept(Replies.failure(ErrorCode.NOT_ENOUGH_REPLICAS, ""));
        return;
      }
      setMode(report.getMember(), MemberMode.ERR);
    }
    onReply.accept(configs());
  }

  /** All members in step have the same bytes, as many as the master says, and no mark is left. */
  void checkAtRest(long inode) {
    byte[] first = null;
    for (Member reader : config.readers()) {
      FakeMember.Copy object = member(reader.id()).object(inode);
      first = first == null ? object.bytes : first;
      assertThat(object.bytes).as("bytes on member " + reader.id()).isEqualTo(first);
      assertThat(object.isDirty())
          .as("dirty mark %s/%d on member %d", object.dirtyToken, object.dirtyCycle, reader.id())
          .isFalse();
    }
    assertThat(attributes(inode).getSize()).isEqualTo(first.length);
  }
}
