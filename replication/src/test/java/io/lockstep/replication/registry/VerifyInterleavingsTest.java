package io.lockstep.replication.registry;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/**
 * Every way in which creating or deleting a replica can be mixed with a run of verify, and the two
 * historic mistakes that lose a replica in one of them.
 */
class VerifyInterleavingsTest {
  private static final long SET = 5;
  private static final int VERIFY_STEPS = 5;

  /** Judges a replica that is being created (the first mistake). */
  private static final class JudgesUnsettled extends Verify {
    @Override
    protected boolean judges(ReplicaRecord record) {
      return true;
    }

    @Override
    protected boolean holds(ReplicaRegistry registry, Suspicion suspicion) {
      return true;
    }
  }

  /** Acts on an old observation (the second mistake). */
  private static final class ActsBlindly extends Verify {
    @Override
    protected boolean holds(ReplicaRegistry registry, Suspicion suspicion) {
      return true;
    }
  }

  /** Confined to its test. A registry, a disk, and one actor beside verify. */
  private static final class World {
    final ReplicaRegistry registry = new ReplicaRegistry();
    final Set<Long> disk = new TreeSet<>();
    final List<Runnable> steps = new ArrayList<>();
    final Verify verify;
    boolean expectLive;
    boolean lost;
    private int verifyStep;

    World(Verify verify) {
      this.verify = verify;
    }

    void create(boolean fails) {
      steps.add(
          () -> {
            registry.onEnsure(SET, 1, 0);
            registry.onCreating(SET);
          });
      steps.add(() -> disk.add(SET));
      steps.add(
          () -> {
            if (fails) {
              disk.remove(SET);
              registry.onCreateFailed(SET, "disk", 0);
            } else {
              registry.onCreated(SET);
            }
            expectLive = !fails;
          });
    }

    void delete() {
      steps.add(() -> registry.onDelete(SET));
      steps.add(() -> disk.remove(SET));
      steps.add(
          () -> {
            registry.onDeleted(SET);
            expectLive = false;
          });
    }

    World live() {
      create(false);
      steps.forEach(Runnable::run);
      steps.clear();
      return this;
    }

    World stray() {
      disk.add(SET);
      create(false);
      return this;
    }

    void verify() {
      switch (verifyStep++) {
        case 0, 2 -> verify.onRegistryListed(registry.records(), registry.lastEpoch());
        case 1 -> {
          if (!verify.onDiskListed(List.copyOf(disk))) {
            verifyStep = 4;
          }
        }
        case 3 -> verify.onDiskListed(List.copyOf(disk));
        case 4 -> {
          for (Verify.Suspicion suspicion : verify.onApply(registry)) {
            if (suspicion.kind() == Verify.Kind.STRAY) {
              disk.remove(suspicion.set());
            } else {
              lost = true;
            }
          }
        }
        default -> {}
      }
    }

    boolean isSound() {
      ReplicaRecord record = registry.record(SET);
      boolean live = record != null && record.state() == ReplicaState.LIVE;
      return live == expectLive && disk.contains(SET) == expectLive && !lost;
    }
  }

  /** How many of all merges end unsound. */
  private static int violations(Supplier<World> world) {
    int actorSteps = world.get().steps.size();
    int total = actorSteps + VERIFY_STEPS;
    int bad = 0;
    for (int mask = 0; mask < 1 << total; mask++) {
      if (Integer.bitCount(mask) != actorSteps) {
        continue;
      }
      World run = world.get();
      int next = 0;
      for (int i = 0; i < total; i++) {
        if ((mask & 1 << i) != 0) {
          run.steps.get(next++).run();
        } else {
          run.verify();
        }
      }
      bad += run.isSound() ? 0 : 1;
    }
    return bad;
  }

  private static World created(Verify verify, boolean fails) {
    World world = new World(verify);
    world.create(fails);
    return world;
  }

  private static World deleted(Verify verify, boolean again) {
    World world = new World(verify).live();
    world.delete();
    if (again) {
      world.create(false);
    }
    return world;
  }

  @Test
  void creationIsInvisibleOrComplete() {
    assertThat(violations(() -> created(new Verify(), false))).isZero();
  }

  @Test
  void creationThatFailsLeavesNothing() {
    assertThat(violations(() -> created(new Verify(), true))).isZero();
  }

  @Test
  void deletionIsNotTakenForDamage() {
    assertThat(violations(() -> deleted(new Verify(), false))).isZero();
  }

  @Test
  void replicaThatIsMadeAnewIsNotTheOneThatWasSeen() {
    assertThat(violations(() -> deleted(new Verify(), true))).isZero();
  }

  @Test
  void strayDirectoryIsNoExcuseToTakeTheReplicaThatIsMadeInItsPlace() {
    assertThat(violations(() -> new World(new Verify()).stray())).isZero();
  }

  @Test
  void judgingWhatIsBeingCreatedIsCaught() {
    assertThat(violations(() -> created(new JudgesUnsettled(), false))).isPositive();
  }

  @Test
  void actingOnAnOldObservationIsCaught() {
    assertThat(violations(() -> new World(new ActsBlindly()).stray())).isPositive();
  }

  @Test
  void strayAndLostReplicasAreFoundInSpiteOfChurn() {
    ReplicaRegistry registry = new ReplicaRegistry();
    registry.onEnsure(1, 1, 0);
    registry.onCreating(1);
    registry.onCreated(1);
    Verify verify = new Verify();
    List<Long> disk = List.of(2L);
    for (int pass = 0; pass < 2; pass++) {
      verify.onRegistryListed(registry.records(), registry.lastEpoch());
      for (long other = 100; other < 150; other++) {
        registry.onEnsure(other, 1, 0);
        registry.onCreating(other);
        registry.onCreateFailed(other, "no", 0);
      }
      verify.onDiskListed(disk);
    }
    assertThat(verify.onApply(registry))
        .extracting(Verify.Suspicion::kind)
        .containsExactlyInAnyOrder(Verify.Kind.LOST, Verify.Kind.STRAY);
  }
}
