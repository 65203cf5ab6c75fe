package io.lockstep.replication.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.lockstep.core.Outcome;
import io.lockstep.core.Times;
import io.lockstep.replication.eagerlock.Range;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.RecallLease;
import io.lockstep.wire.message.Request;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What is read on one mount after another has written, and which pages its kernel may keep. The
 * mutants show what each of the {@link CoherenceRules} is for.
 */
class CoherenceTest extends ClientCase {
  @Test
  void recallWritesBackBeforeTheOtherMountReads() throws Outcome {
    FileContent a = cluster.mount().open(INODE);
    FileContent b = cluster.mount().open(INODE);
    write(a, a.newDescriptor(false), 0, "from a");
    assertThat(read(b, 0, 10)).isEqualTo("from a");
    assertThat(cluster.lockd.uncleanEnds).isZero();
  }

  @Test
  void twoMountsInTurnNeverReadStaleBytes() throws Outcome {
    FakeCluster.Mount[] mounts = {cluster.mount(), cluster.mount()};
    FileContent[] files = {mounts[0].open(INODE), mounts[1].open(INODE)};
    Descriptor[] descriptors = {files[0].newDescriptor(false), files[1].newDescriptor(false)};
    for (int i = 0; i < 300; i++) {
      int writer = i % 2;
      String text = String.format("round %05d", i);
      write(files[writer], descriptors[writer], 0, text);
      assertThat(read(files[1 - writer], 0, 100)).isEqualTo(text);
    }
    for (int i = 0; i < 100; i++) {
      write(files[i % 2], descriptors[i % 2], -1, "x");
    }
    assertThat(read(files[0], 0, 1000)).hasSize(11 + 100);
    cluster.time.pass(20 * SECOND_NS);
    cluster.checkAtRest(INODE);
    assertThat(cluster.lockd.heldCount()).isZero();
    assertThat(cluster.lockd.uncleanEnds).isZero();
  }

  @Test
  void readsUnderAHeldLeaseStayOnTheirThread() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    FileContent file = mount.open(INODE);
    write(file, file.newDescriptor(true), 0, "abc");
    for (int i = 0; i < 5; i++) {
      assertThat(read(file, 0, 10)).isEqualTo("abc");
    }
    assertThat(mount.client.counters()).containsEntry("quick_reads", 5L).containsEntry("reads", 0L);
  }

  @Test
  void quickReadThatLostItsLeaseMeanwhileIsReadAgain() throws Outcome {
    FakeCluster.Mount reader = cluster.mount();
    FileContent file = reader.open(INODE);
    write(file, file.newDescriptor(true), 0, "old");
    cluster.members.forEach(member -> member.delayNs = SECOND_NS / 10);
    FileContent other = cluster.mount().open(INODE);
    cluster.time.schedule(
        SECOND_NS / 1000,
        () ->
            assertThatCode(() -> write(other, other.newDescriptor(true), 0, "new"))
                .doesNotThrowAnyException());
    assertThat(read(file, 0, 3)).isEqualTo("new");
    assertThat(reader.client.counters())
        .containsEntry("quick_reads", 0L)
        .containsEntry("reads", 1L);
  }

  @Test
  void pagesAreDroppedWhenALeaseIsLost() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    FileContent file = mount.open(INODE);
    int[] drops = {0};
    mount.client.cacheDropper(
        (inode, waiting, dropped) -> {
          drops[0]++;
          dropped.run();
        });
    read(file, 0, 1);
    mount.cutOff();
    cluster.time.pass(11 * SECOND_NS);
    assertThat(drops[0]).isPositive();
  }

  @Test
  void kernelCachesAreDroppedBeforeALeaseGoes() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    StringBuilder order = new StringBuilder();
    mount.client.cacheDropper(
        (inode, waiting, dropped) -> {
          order.append("drop with ").append(cluster.lockd.heldCount()).append(" held");
          dropped.run();
        });
    FileContent file = mount.open(INODE);
    read(file, 0, 1);
    cluster.time.pass(6 * SECOND_NS);
    assertThat(order).hasToString("drop with 1 held");
    assertThat(cluster.lockd.heldCount()).isZero();
  }

  private static final long MS = SECOND_NS / 1000;

  // ---- mutants

  private FakeCluster.Mount mountWith(CoherenceRules rules) {
    return cluster.mount(
        ClientOptions.DEFAULT,
        new LockSeam() {
          @Override
          public CoherenceRules coherence() {
            return rules;
          }
        });
  }

  /** A read on the caller's thread during which another mount writes. */
  private String readWhileAnotherMountWrites(CoherenceRules rules) throws Outcome {
    FileContent file = mountWith(rules).open(INODE);
    write(file, file.newDescriptor(true), 0, "old");
    read(file, 0, 3);
    FileContent other = cluster.mount().open(INODE);
    Descriptor writer = other.newDescriptor(true);
    cluster.members.forEach(member -> member.answerDelayNs = 100 * MS);
    boolean[] written = {false};
    cluster.time.schedule(
        MS,
        () -> {
          cluster.members.forEach(member -> member.answerDelayNs = 0);
          assertThatCode(() -> write(other, writer, 0, "new")).doesNotThrowAnyException();
          written[0] = true;
        });
    String seen = read(file, 0, 3);
    assertThat(written[0]).as("written before the read returned").isTrue();
    return seen;
  }

  @Test
  void readThatIsNotLookedAtAgainIsStale() throws Outcome {
    assertThat(readWhileAnotherMountWrites(CoherenceRules.PRODUCTION)).isEqualTo("new");
    CoherenceRules mutant =
        new CoherenceRules() {
          @Override
          boolean mayAnswer(LeasedInode.ReadGrant begun, LeasedInode.ReadGrant now) {
            return true;
          }
        };
    assertThat(readWhileAnotherMountWrites(mutant)).isEqualTo("old");
  }

  /** How often the kernel is told to drop, if it reads once more right after the first time. */
  private int dropsWhenSomebodyJoinsAfterTheFirst(CoherenceRules rules) throws Outcome {
    FakeCluster.Mount reader = mountWith(rules);
    FileContent file = reader.open(INODE);
    int[] drops = {0};
    reader.client.cacheDropper(
        (inode, waiting, dropped) -> {
          drops[0]++;
          assertThat(cluster.lockd.heldCount()).isPositive();
          if (drops[0] == 1) {
            assertThatCode(() -> read(file, 0, 1)).doesNotThrowAnyException();
          }
          dropped.run();
        });
    read(file, 0, 1);
    FileContent other = cluster.mount().open(INODE);
    write(other, other.newDescriptor(true), 0, "new");
    return drops[0];
  }

  @Test
  void pagesOfWhoJoinedAfterTheDropStayWithoutTheSecond() throws Outcome {
    assertThat(dropsWhenSomebodyJoinsAfterTheFirst(CoherenceRules.PRODUCTION)).isEqualTo(2);
    CoherenceRules mutant =
        new CoherenceRules() {
          @Override
          boolean mustDropAgain(long dropped, long uses) {
            return false;
          }
        };
    assertThat(dropsWhenSomebodyJoinsAfterTheFirst(mutant)).isEqualTo(1);
  }

  /**
   * The kernel takes its time over the pages of a shared lease that is recalled while its upgrade
   * is under way; the upgrade is granted meanwhile, and the file written. Returns the size that the
   * mount shows when it has written more.
   */
  private long sizeAfterALateEndOfTheSharedLease(CoherenceRules rules, long inode) throws Outcome {
    FakeCluster.Mount mount = mountWith(rules);
    FileContent file = mount.open(inode);
    read(file, 0, 1);
    FakeCluster.Mount other = cluster.mount();
    read(other.open(inode), 0, 1);
    // The other one lets go after 50 ms, and so long the upgrade waits.
    other.client.cacheDropper((which, waiting, dropped) -> cluster.time.schedule(50 * MS, dropped));
    int[] drops = {0};
    mount.client.cacheDropper(
        (which, waiting, dropped) -> {
          drops[0]++;
          if (drops[0] == 1) {
            // Of another page than the one that is being written, for which it would wait.
            assertThatCode(() -> read(file, 8192, 1)).doesNotThrowAnyException();
            dropped.run();
          } else {
            cluster.time.schedule(200 * MS, dropped);
          }
        });
    RecallLease recall = RecallLease.newBuilder().setInode(inode).setLease(1).build();
    cluster.time.schedule(
        10 * MS,
        () -> cluster.push(mount.session, Push.newBuilder().setRecallLease(recall).build()));
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "some");
    file.fsync(descriptor, true);
    assertThat(drops[0]).as("the shared lease is on its way back").isEqualTo(2);
    // Long enough for the master to hear of the size, not for the lease to become idle.
    cluster.time.pass(3 * SECOND_NS);
    write(file, descriptor, 4, " more");
    return mount.client.overlay(cluster.attributes(inode)).getSize();
  }

  @Test
  void lateEndOfASharedLeaseDisownsItsUpgradeWithoutTheGuard() throws Outcome {
    assertThat(sizeAfterALateEndOfTheSharedLease(CoherenceRules.PRODUCTION, INODE)).isEqualTo(9);
    CoherenceRules mutant =
        new CoherenceRules() {
          @Override
          boolean disowns(long released, long held) {
            return true;
          }
        };
    assertThat(sizeAfterALateEndOfTheSharedLease(mutant, INODE + 1)).isEqualTo(4);
  }

  /**
   * The kernel's side of one file: it drops pages only when none is being read but those that it is
   * told to spare.
   */
  private final class Kernel implements CacheDropper {
    private final FileContent file;
    private final List<Range> reading = new ArrayList<>();
    private final List<Runnable> stuck = new ArrayList<>();
    private int drops;

    Kernel(FileContent file) {
      this.file = file;
    }

    void read() {
      Range pages = new Range(0, 4096);
      reading.add(pages);
      assertThatCode(() -> ClientCase.read(file, 0, 4096)).doesNotThrowAnyException();
      reading.remove(pages);
      stuck.forEach(Runnable::run);
      stuck.clear();
    }

    @Override
    public void drop(long inode, WaitingRequests waiting, Runnable dropped) {
      drops++;
      if (drops == 1) {
        // One who joins: so the pages have to go once more when the lease does.
        read();
      } else if (drops == 2) {
        cluster.time.schedule(0, this::read);
        cluster.time.schedule(MS / 10, () -> meet(waiting, dropped));
        return;
      }
      meet(waiting, dropped);
    }

    private void meet(WaitingRequests waiting, Runnable dropped) {
      if (waiting.reads().containsAll(reading)) {
        dropped.run();
      } else {
        stuck.add(dropped);
      }
    }
  }

  /** How long another mount's write takes while the kernel reads pages of a lease that is to go. */
  private long writeBesideAReadThatWaitsNs(CoherenceRules rules, long inode, long lateDrops)
      throws Outcome {
    FakeCluster.Mount reader = mountWith(rules);
    FileContent file = reader.open(inode);
    reader.client.cacheDropper(new Kernel(file));
    read(file, 0, 1);
    FileContent other = cluster.mount().open(inode);
    long sinceNs = cluster.time.nowNs();
    write(other, other.newDescriptor(true), 0, "new");
    long tookNs = cluster.time.nowNs() - sinceNs;
    assertThat(reader.client.counters()).containsEntry("late_drops", lateDrops);
    return tookNs;
  }

  @Test
  void readThatWaitsForTheNextLeaseDoesNotKeepThisOne() throws Outcome {
    assertThat(writeBesideAReadThatWaitsNs(CoherenceRules.PRODUCTION, INODE, 0))
        .isLessThan(100 * MS);
    CoherenceRules sparesNobody =
        new CoherenceRules() {
          @Override
          WaitingRequests spared(WaitingRequests waiting) {
            return WaitingRequests.NONE;
          }
        };
    assertThat(writeBesideAReadThatWaitsNs(sparesNobody, INODE + 1, 1)).isGreaterThan(SECOND_NS);
    CoherenceRules tellsOnce =
        new CoherenceRules() {
          @Override
          boolean mustTellAgain(boolean others, boolean again) {
            return false;
          }
        };
    assertThat(writeBesideAReadThatWaitsNs(tellsOnce, INODE + 2, 1)).isGreaterThan(SECOND_NS);
  }

  /** What came of it that another mount wants a file whose pages the kernel drops late. */
  private record Handover(boolean gone, long tookNs, long late) {}

  /**
   * @param takesNs from when the other mount begins to write
   */
  private Handover writeWhileTheKernelDropsLate(CoherenceRules rules, long inode, long takesNs)
      throws Outcome {
    FakeCluster.Mount reader = mountWith(rules);
    FileContent file = reader.open(inode);
    long sinceNs = cluster.time.nowNs();
    boolean[] gone = {false};
    reader.client.cacheDropper(
        (which, waiting, dropped) ->
            cluster.time.schedule(
                Math.max(0, sinceNs + takesNs - cluster.time.nowNs()),
                () -> {
                  gone[0] = true;
                  dropped.run();
                }));
    read(file, 0, 1);
    FileContent other = cluster.mount().open(inode);
    write(other, other.newDescriptor(true), 0, "new");
    boolean goneThen = gone[0];
    long tookNs = cluster.time.nowNs() - sinceNs;
    cluster.time.pass(20 * SECOND_NS);
    return new Handover(goneThen, tookNs, reader.client.counters().get("late_drops"));
  }

  @Test
  void leaseStaysUntilPagesThatTakeSecondsAreGone() throws Outcome {
    Handover production =
        writeWhileTheKernelDropsLate(CoherenceRules.PRODUCTION, INODE, 4 * SECOND_NS);
    assertThat(production.gone).isTrue();
    assertThat(production.late).isZero();
    CoherenceRules countsWhatWasBegun =
        new CoherenceRules() {
          @Override
          boolean counts(boolean done) {
            return true;
          }
        };
    assertThat(writeWhileTheKernelDropsLate(countsWhatWasBegun, INODE + 1, 4 * SECOND_NS).gone)
        .isFalse();
    CoherenceRules keepsItASecond =
        new CoherenceRules() {
          @Override
          long keepsLeaseNs(Times times) {
            return SECOND_NS;
          }
        };
    Handover second = writeWhileTheKernelDropsLate(keepsItASecond, INODE + 2, 4 * SECOND_NS);
    assertThat(second.gone).isFalse();
    assertThat(second.late).isOne();
  }

  @Test
  void kernelThatNeverDropsHoldsOthersUpForLessThanADeadMountWould() throws Outcome {
    Handover never =
        writeWhileTheKernelDropsLate(CoherenceRules.PRODUCTION, INODE, 3600 * SECOND_NS);
    assertThat(never.gone).isFalse();
    assertThat(never.late).isOne();
    assertThat(never.tookNs).isBetween(Times.DEFAULT.memberCallNs(), Times.DEFAULT.leaseLifeNs());
  }

  @Test
  void pagesOfASharedMappingThatIsWrittenHoldOthersUpForASecondOrTwo() throws Outcome {
    FakeCluster.Mount mapping = cluster.mount();
    FileContent file = mapping.open(INODE);
    mapping.client.cacheDropper((which, waiting, dropped) -> {});
    read(file, 0, 1);
    FileContent other = cluster.mount().open(INODE);
    long sinceNs = cluster.time.nowNs();
    cluster.time.schedule(
        SECOND_NS * 3 / 2,
        () -> {
          for (long page = 0; page < 2; page++) {
            ((InodeContent) file)
                .leased()
                .waiters()
                .addWrite(page, new Range(page * 4096, (page + 1) * 4096));
          }
        });
    write(other, other.newDescriptor(true), 0, "new");
    assertThat(cluster.time.nowNs() - sinceNs).isBetween(SECOND_NS, 3 * SECOND_NS);
    assertThat(mapping.client.counters()).containsEntry("late_drops", 1L);
  }

  /** How long another mount's write takes if there was no thread for the first attempt. */
  private long writeWhenTheKernelWasNotToldNs(CoherenceRules rules, long inode) throws Outcome {
    FakeCluster.Mount reader = mountWith(rules);
    FileContent file = reader.open(inode);
    int[] attempts = {0};
    reader.client.cacheDropper(
        (which, waiting, dropped) -> {
          attempts[0]++;
          if (attempts[0] > 1) {
            dropped.run();
          }
        });
    read(file, 0, 1);
    FileContent other = cluster.mount().open(inode);
    long sinceNs = cluster.time.nowNs();
    write(other, other.newDescriptor(true), 0, "new");
    return cluster.time.nowNs() - sinceNs;
  }

  @Test
  void kernelThatWasNotToldIsToldAgain() throws Outcome {
    assertThat(writeWhenTheKernelWasNotToldNs(CoherenceRules.PRODUCTION, INODE))
        .isLessThan(SECOND_NS / 2);
    CoherenceRules onlyForOthers =
        new CoherenceRules() {
          @Override
          boolean mustTellAgain(boolean others, boolean again) {
            return others;
          }
        };
    assertThat(writeWhenTheKernelWasNotToldNs(onlyForOthers, INODE + 1)).isGreaterThan(SECOND_NS);
  }

  @Test
  void clearedLeaseIsConfirmedWhenTheKernelHasDroppedItsPages() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    FileContent file = mount.open(INODE);
    List<Runnable> pages = new ArrayList<>();
    mount.client.cacheDropper((inode, waiting, dropped) -> pages.add(dropped));
    read(file, 0, 1);
    cluster.lockd.clear(mount.session, INODE);
    cluster.time.pass(SECOND_NS / 100);
    assertThat(cluster.requests).doesNotContainKey(Request.BodyCase.RECALL_NOT_MINE);
    pages.forEach(Runnable::run);
    cluster.time.pass(SECOND_NS / 100);
    assertThat(cluster.requests).containsKey(Request.BodyCase.RECALL_NOT_MINE);
  }
}
