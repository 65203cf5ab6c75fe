package io.lockstep.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.SetConfig;
import io.lockstep.core.Times;
import io.lockstep.lockd.server.LockdServer;
import io.lockstep.wire.LocalPeer;
import io.lockstep.wire.RequestRouter;
import io.lockstep.wire.message.CreateInode;
import io.lockstep.wire.message.EnsureReplica;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every pure package in one thread on virtual time: eager lock and transactions at two clients, the
 * lease table in lockd, the namespace in the master, marks and registry in three storage daemons,
 * over a network that loses, repeats and reorders messages. {@code -Dseed=N} replays one seed.
 */
final class PureClusterTest {
  private static final int BLOCKS = 4;
  private static final int OPERATIONS = 400;
  private static final long SECOND_NS = 1_000_000_000L;

  private final VirtualTime time = new VirtualTime();
  private final List<SimMember> members = new ArrayList<>();
  private final List<SimClient> clients = new ArrayList<>();
  private final RegisterHistory history = new RegisterHistory(BLOCKS);
  private Random random;
  private SimNetwork network;
  private SimMaster master;
  private LockdServer lockd;
  private long lastValue;
  private int ended;

  private void build(long seed) {
    random = new Random(seed);
    network = new SimNetwork(random);
    VirtualTime.Host masterHost = time.host("master");
    master = new SimMaster(masterHost);
    lockd = new LockdServer(new LocalPeer(master), set -> 1, masterHost, Times.DEFAULT);
    Set<BodyCase> others = EnumSet.allOf(BodyCase.class);
    others.removeAll(LockdServer.CLIENT_KINDS);
    network.serve(
        "master",
        masterHost,
        RequestRouter.builder()
            .route(lockd, LockdServer.CLIENT_KINDS)
            .route(master, others)
            .build());
    List<Member> inStep = new ArrayList<>();
    for (int i = 1; i <= 3; i++) {
      VirtualTime.Host host = time.host("storage" + i);
      SimMember member = new SimMember(host);
      members.add(member);
      network.serve(host.name, host, member);
      inStep.add(new Member(i, new UUID(0, i), MemberMode.RW, 1));
    }
    SetConfig config = new SetConfig(SimMaster.SET, 1, 2, true, inStep);
    for (int i = 1; i <= 2; i++) {
      clients.add(
          new SimClient(
              time.host("client" + i),
              network,
              100 + i,
              List.of("storage1", "storage2", "storage3"),
              config));
    }
    lockd.start();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  void readsSeeTheLatestWriteAndReplicasEndEqual(long ofTest) {
    long seed = Long.getLong("seed", ofTest);
    build(seed);
    network.weather(new SimNetwork.Weather(0.05, 0.1, 5_000_000));
    long inode = createEverything();
    for (SimClient client : clients) {
      client.open(inode);
      next(client, OPERATIONS);
    }
    runUntilEnded(2 * OPERATIONS, seed);
    network.weather(SimNetwork.Weather.FINE);
    clients.forEach(SimClient::requestPostOp);
    time.runUntil(time.nowNs() + 30 * SECOND_NS);

    history.check();
    assertEqualAndClean(inode);
    assertThat(master.attributes(inode).getSize()).isEqualTo(BLOCKS * 8L);
    assertThat(clients).allMatch(client -> client.lock().isIdle());
    // Not vacuous: the weather was bad, and both clients had the lease again and again.
    assertThat(network.lost()).isPositive();
    assertThat(network.duplicated()).isPositive();
    assertThat(members.stream().mapToLong(SimMember::repeated).sum()).isPositive();
    assertThat(clients).allMatch(client -> client.lock().lastLease() > 5);
    assertThat(history.reads()).isGreaterThan(OPERATIONS / 2);
  }

  @ParameterizedTest
  @ValueSource(longs = {11, 12})
  void sameSeedGivesTheSameTrace(long seed) {
    long[] hashes = new long[2];
    for (int i = 0; i < 2; i++) {
      PureClusterTest world = new PureClusterTest();
      world.build(seed);
      world.network.weather(new SimNetwork.Weather(0.05, 0.1, 5_000_000));
      long inode = world.createEverything();
      for (SimClient client : world.clients) {
        client.open(inode);
        world.next(client, 50);
      }
      world.runUntilEnded(100, seed);
      hashes[i] = world.time.traceHash();
    }
    assertThat(hashes[0]).isEqualTo(hashes[1]);
  }

  /** The file, by both clients at once, and the replica on each member; all over bad weather. */
  private long createEverything() {
    long[] found = new long[clients.size()];
    int[] left = {clients.size() + members.size()};
    for (int i = 0; i < clients.size(); i++) {
      int index = i;
      SimClient client = clients.get(i);
      CreateInode create =
          CreateInode.newBuilder()
              .setParent(master.root)
              .setName(ByteString.copyFromUtf8("file"))
              .setType(FileType.REGULAR)
              .setMode(0644)
              .setExistingOk(true)
              .build();
      client.insist(
          client.master(),
          Request.newBuilder().setCreateInode(create),
          new byte[0],
          (reply, payload) -> {
            assertThat(reply.getCode()).isZero();
            found[index] = reply.getCreateInode().getAttributes().getInode();
            left[0]--;
          });
    }
    for (int i = 1; i <= members.size(); i++) {
      ensure("storage" + i, left);
    }
    while (left[0] > 0 && time.step()) {
      assertThat(time.nowNs()).isLessThan(60 * SECOND_NS);
    }
    assertThat(found[0]).isEqualTo(found[1]).isPositive();
    assertThat(members).allMatch(member -> member.creations() == 1);
    return found[0];
  }

  private void ensure(String address, int[] left) {
    SimClient asker = clients.get(0);
    asker.insist(
        network.peer(time.host("creator"), address, 0, push -> {}),
        Request.newBuilder().setEnsureReplica(EnsureReplica.newBuilder().setSet(SimMaster.SET)),
        new byte[0],
        (reply, payload) -> left[0]--);
  }

  /** One operation after another, three of them at a time. */
  private void next(SimClient client, int operations) {
    int[] left = {operations};
    for (int lane = 0; lane < 3; lane++) {
      step(client, left);
    }
  }

  private void step(SimClient client, int[] left) {
    if (left[0] == 0) {
      return;
    }
    left[0]--;
    int block = random.nextInt(BLOCKS);
    if (random.nextInt(3) == 0) {
      long value = ++lastValue;
      long startNs = time.nowNs();
      history.begin(block, value, startNs);
      client.write(
          block,
          value,
          written -> {
            assertThat(written).as("a write failed without a fault").isEqualTo(value);
            history.end(block, value, time.nowNs());
            ended(client, left);
          });
    } else {
      long startNs = time.nowNs();
      client.read(
          block,
          value -> {
            history.read(block, value, startNs, time.nowNs());
            ended(client, left);
          });
    }
    if (random.nextInt(10) == 0) {
      client.requestPostOp();
    }
  }

  private void ended(SimClient client, int[] left) {
    ended++;
    time.host("pause").schedule(random.nextInt(2_000_000), () -> step(client, left));
  }

  private void runUntilEnded(int operations, long seed) {
    long deadlineNs = time.nowNs() + 600 * SECOND_NS;
    while (ended < operations && time.nowNs() < deadlineNs && time.step()) {}
    assertThat(ended)
        .as("seed %d: operations ended by %d ms", seed, time.nowNs() / 1_000_000)
        .isEqualTo(operations);
  }

  private void assertEqualAndClean(long inode) {
    for (SimMember member : members) {
      assertThat(member.bytes(inode)).isEqualTo(members.get(0).bytes(inode));
      assertThat(member.marks(inode).dirty()).isNull();
    }
  }
}
