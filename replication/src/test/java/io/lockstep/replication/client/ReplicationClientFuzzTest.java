package io.lockstep.replication.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.message.Caller;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Several mounts on a few files, operations inside one another's waiting times, members that die
 * and heal, lockd restarting, late messages. A read must not return what was overwritten before it
 * began; at the end the members are equal and no lease or mark is left.
 */
class ReplicationClientFuzzTest {
  private static final int RUNS = Integer.getInteger("runs", 60);
  private static final int OPERATIONS = 150;
  private static final int CELL = 8;
  private static final int CELLS = 24;
  private static final int NESTING_MAX = 4;

  /** A write of one value to one cell; times are steps of the test. */
  private static final class Written {
    final long value;
    final long begun;
    long ended;

    Written(long value, long begun, long ended) {
      this.value = value;
      this.begun = begun;
      this.ended = ended;
    }

    @Override
    public String toString() {
      return value + " from " + begun + " to " + ended;
    }
  }

  private static final class Run {
    final Random random;
    final FakeCluster cluster = new FakeCluster();
    final List<FakeCluster.Mount> mounts = new ArrayList<>();
    final Map<String, FileContent> files = new HashMap<>();
    final Map<String, Descriptor> descriptors = new HashMap<>();
    final Map<String, List<Written>> history = new HashMap<>();
    long step;
    long lastValue;
    int nesting;
    int reads;
    int nested;
    int kills;
    int restarts;

    Run(long seed) {
      random = new Random(seed);
      cluster.chaos = random;
      for (int i = 0; i < 3; i++) {
        mounts.add(
            cluster.mount(
                ClientOptions.DEFAULT
                    .withWriteback(i > 0 || random.nextBoolean())
                    .withLeaseIdleNs(TimeUnit.MILLISECONDS.toNanos(1L + random.nextInt(500)))));
        for (long inode = 1; inode <= 2; inode++) {
          FileContent file = mounts.get(i).open(inode);
          files.put(i + "/" + inode, file);
          descriptors.put(i + "/" + inode, file.newDescriptor(random.nextInt(4) == 0));
        }
      }
    }

    void run() throws Outcome {
      for (int i = 0; i < OPERATIONS; i++) {
        operate();
        if (random.nextInt(4) == 0) {
          cluster.time.pass(1L + random.nextInt(300_000_000));
        }
      }
      for (FakeCluster.Mount mount : mounts) {
        mount.client.close();
      }
      cluster.time.pass(TimeUnit.SECONDS.toNanos(30));
      for (long inode = 1; inode <= 2; inode++) {
        cluster.checkAtRest(inode);
      }
      assertThat(cluster.lockd.heldCount()).as("leases left").isZero();
      assertThat(cluster.lockd.uncleanEnds).as("unclean ends").isZero();
    }

    private void operate() throws Outcome {
      if (nesting < NESTING_MAX && random.nextInt(3) == 0) {
        cluster.time.schedule(random.nextInt(20_000_000), this::operateInside);
      }
      int dice = random.nextInt(100);
      long inode = 1L + random.nextInt(2);
      String key = random.nextInt(3) + "/" + inode;
      FileContent file = files.get(key);
      Descriptor descriptor = descriptors.get(key);
      nesting++;
      if (dice < 45) {
        write(file, inode, descriptor);
      } else if (dice < 80) {
        if (!waitsForOurself(file)) {
          read(file, inode);
        }
      } else if (dice < 85) {
        file.fsync(descriptor, true);
      } else if (dice < 90) {
        file.flush(descriptor);
      } else if (dice < 93) {
        if (!waitsForOurself(file)) {
          extend(file);
        }
      } else if (dice < 97) {
        killOrHeal();
      } else if (dice == 97) {
        restartLockd();
      } else {
        cluster.config.members().forEach(m -> cluster.member(m.id()).delayNs = delayNs());
      }
      nesting--;
    }

    /** Inside a write of the same pages a read would wait for it, and it for the read. */
    private boolean waitsForOurself(FileContent file) {
      WritesUnderWay writes = ((InodeContent) file).leased().writes();
      return writes.beside(0, (long) CELL * CELLS) != null;
    }

    private long delayNs() {
      return 1L + random.nextInt(random.nextInt(10) == 0 ? 80_000_000 : 1_000_000);
    }

    private void operateInside() {
      if (nesting == 0 || nesting >= NESTING_MAX) {
        return;
      }
      nested++;
      try {
        operate();
      } catch (Outcome e) {
        throw new AssertionError("inside another: " + e.code(), e);
      }
    }

    private void killOrHeal() {
      for (int id = 1; id <= 3; id++) {
        if (cluster.config.member(id).mode() == MemberMode.ERR) {
          cluster.heal(id);
          return;
        }
        if (cluster.config.member(id).mode() == MemberMode.WO
            || cluster.member(id).health != FakeMember.Health.UP) {
          return;
        }
      }
      kills++;
      cluster.member(1 + random.nextInt(3)).health =
          random.nextInt(4) == 0 ? FakeMember.Health.HUNG : FakeMember.Health.DEAD;
    }

    private void restartLockd() {
      restarts++;
      cluster.lockd.restart();
    }

    /** Grows by truncate; never cuts, so that cells stay what they are. */
    private void extend(FileContent file) throws Outcome {
      long size = CELL * (long) CELLS;
      if (file.attributes(cluster.attributes(file.inode())).getSize() < size) {
        ByteBuffer end = ByteBuffer.allocate(1);
        if (file.read(size - 1, end) == 0) {
          file.allocate(0, size, false, false, false, file.newDescriptor(false));
        }
      } else {
        file.truncate(size, Caller.getDefaultInstance());
      }
    }

    private List<Written> cell(long inode, int cell) {
      return history.computeIfAbsent(
          inode + "#" + cell, key -> new ArrayList<>(List.of(new Written(0, -1, 0))));
    }

    private void write(FileContent file, long inode, Descriptor descriptor) throws Outcome {
      int first = random.nextInt(CELLS);
      int count = 1 + random.nextInt(Math.min(4, CELLS - first));
      long value = ++lastValue;
      ByteBuffer bytes = ByteBuffer.allocate(count * CELL);
      Written written = new Written(value, ++step, Long.MAX_VALUE);
      for (int i = 0; i < count; i++) {
        bytes.putLong(value);
        cell(inode, first + i).add(written);
      }
      file.write((long) first * CELL, bytes.flip(), random.nextInt(10) == 0, descriptor);
      written.ended = ++step;
    }

    private void read(FileContent file, long inode) throws Outcome {
      int first = random.nextInt(CELLS);
      int count = 1 + random.nextInt(CELLS - first);
      long begun = ++step;
      ByteBuffer target = ByteBuffer.allocate(count * CELL);
      file.read((long) first * CELL, target);
      target.flip();
      reads++;
      for (int i = 0; i < count; i++) {
        long value = target.remaining() >= CELL ? target.getLong() : 0;
        check(inode, first + i, value, begun);
      }
    }

    /** Nothing that was overwritten before the read began. */
    private void check(long inode, int cell, long value, long begun) {
      List<Written> all = cell(inode, cell);
      Written found =
          all.stream().filter(written -> written.value == value).findFirst().orElse(null);
      assertThat(found).as("inode %d cell %d has %d", inode, cell, value).isNotNull();
      for (Written later : all) {
        assertThat(later.ended < begun && later.begun > found.ended)
            .as(
                "inode %d cell %d: read at %d found %s, overwritten by %s",
                inode, cell, begun, found, later)
            .isFalse();
      }
    }
  }

  @Test
  void noReadIsStaleAndNothingIsLeft() throws Outcome {
    long seed = Long.getLong("seed", 20_260_103L);
    System.out.println("ReplicationClientFuzzTest -Dseed=" + seed);
    int reads = 0;
    int nested = 0;
    int kills = 0;
    int restarts = 0;
    for (int i = 0; i < RUNS; i++) {
      Run run = new Run(seed + i);
      try {
        run.run();
      } catch (Outcome | AssertionError e) {
        throw new AssertionError(
            "seed "
                + (seed + i)
                + ", step "
                + run.step
                + " "
                + (e instanceof Outcome o ? o.code() : ""),
            e);
      }
      reads += run.reads;
      nested += run.nested;
      kills += run.kills;
      restarts += run.restarts;
    }
    System.out.printf(
        "%d reads, %d nested, %d kills, %d restarts%n", reads, nested, kills, restarts);
    assertThat(nested).isGreaterThan(RUNS);
    assertThat(kills).isGreaterThan(RUNS / 2);
    assertThat(restarts).isPositive();
  }
}
