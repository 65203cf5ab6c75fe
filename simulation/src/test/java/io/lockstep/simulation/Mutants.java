package io.lockstep.simulation;

import io.lockstep.core.Outcome;
import io.lockstep.core.Times;
import io.lockstep.core.Token;
import io.lockstep.lockd.lease.LeaseLimits;
import io.lockstep.lockd.lease.LeaseMutants;
import io.lockstep.lockd.lease.LeaseRules;
import io.lockstep.lockd.server.LockdServer;
import io.lockstep.metadata.catalogue.KeeperRules;
import io.lockstep.metadata.kv.KvReader;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.raft.ReplicatedLog;
import io.lockstep.replication.marks.MarkRules;
import io.lockstep.replication.marks.ObjectMarks;
import io.lockstep.replication.store.RowStore;
import io.lockstep.simulation.cluster.Variants;
import io.lockstep.wire.message.LogEntry;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.message.SetLockReply;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/** Production with one decision changed each, and the faults under which it shows. */
final class Mutants {
  /**
   * Immutable. One of them.
   *
   * @param from the first seed that is tried: not far before the one that noticed it, from 1 on
   */
  record Mutant(
      String rule, String change, Set<Fault> faults, int from, Supplier<Variants> variants) {}

  /** Immutable. A test of the class that keeps the rule notices it. */
  record ByTest(String rule, String change, String source, String method) {}

  private static final EnumSet<Fault> NONE = EnumSet.noneOf(Fault.class);

  static final List<Mutant> ALL =
      List.of(
          new Mutant(
              "I1",
              "a reader is granted beside a writer",
              EnumSet.of(Fault.DELAY),
              1,
              () -> lockd(LeaseMutants.readerBesideWriter())),
          new Mutant(
              "I1",
              "a replica takes writes of an older token",
              EnumSet.of(Fault.PAUSE, Fault.DELAY, Fault.CUT, Fault.CLOCKS),
              5,
              () -> Variants.production().with(new AdmitsOlderToken())),
          new Mutant(
              "I3",
              "a write is done though one member never got it",
              NONE,
              1,
              () -> Tamper.skips("mount", "storage:3"::equals, r -> is(r, BodyCase.WRITE_OBJECT))),
          new Mutant(
              "I5",
              "rows are not synced: the dirty mark may be later than the data",
              NONE,
              1,
              () -> Variants.production().withRows(UnsyncedRows::new)),
          new Mutant(
              "I5",
              "fsync and the post-op believe that data is durable without asking",
              EnumSet.of(Fault.BLACKOUT),
              1,
              () -> Tamper.skips("mount", to -> true, r -> is(r, BodyCase.SYNC_OBJECTS))),
          new Mutant(
              "I9",
              "who reads a state of the master does not let go of it",
              NONE,
              1,
              () -> Variants.production().withLog(log -> new States(log, Kept::new))),
          new Mutant(
              "I9",
              "a state of the master is closed under somebody who reads it",
              NONE,
              1,
              () -> Variants.production().withLog(log -> new States(log, ClosedEarly::new))),
          new Mutant(
              "P1",
              "a lease that ended unclean is granted again without seal and settle",
              EnumSet.of(Fault.MOUNT_KILL, Fault.PAUSE, Fault.CUT),
              1,
              () -> lockd(LeaseMutants.grantsWithoutSettling())),
          new Mutant(
              "P1",
              "settling makes members equal without a seal",
              EnumSet.of(Fault.PAUSE, Fault.DELAY, Fault.CUT, Fault.CLOCKS),
              1,
              () -> Tamper.skips("master", to -> true, r -> is(r, BodyCase.SEAL_OBJECT))),
          new Mutant(
              "P2",
              "writes do not name the members that are absent",
              EnumSet.of(Fault.STORAGE_KILL),
              1,
              () -> Tamper.sends("mount", Mutants::withoutAbsent)),
          new Mutant(
              "P3",
              "a new run of a member is taken for the one before it, and stays in step",
              EnumSet.of(Fault.STORAGE_POWER, Fault.MOUNT_KILL, Fault.PAUSE),
              1,
              () -> Variants.production().withDirectory(Mutants::withoutIncarnation)),
          new Mutant(
              "P5",
              "lockd grants in the grace period",
              EnumSet.of(Fault.MASTER_KILL),
              1,
              () -> lockd(LeaseMutants.grantsInGrace())),
          new Mutant(
              "P6",
              "each lockd begins with the same term",
              EnumSet.of(Fault.MASTER_KILL),
              1,
              Mutants::sameTerm),
          new Mutant(
              "P8",
              "any report condemns a member",
              EnumSet.of(Fault.CUT, Fault.STORAGE_POWER),
              1,
              () -> Variants.production().with(new CondemnsAnybody())),
          new Mutant(
              "P12",
              "a recalled lease goes before what was written under it has arrived",
              EnumSet.of(Fault.DELAY),
              1,
              () -> Tamper.hurries("mount", r -> is(r, BodyCase.WRITE_OBJECT))),
          new Mutant(
              "P13",
              "a mount believes in its leases three times as long",
              EnumSet.of(Fault.CUT, Fault.PAUSE, Fault.CLOCKS),
              20,
              () -> Variants.production().withMountTimes(longLease())),
          new Mutant(
              "P14",
              "two make the same name with O_EXCL",
              NONE,
              1,
              () -> Tamper.sends("mount", Mutants::notExclusive)),
          new Mutant(
              "P15",
              "an object is forgotten before every member has confirmed",
              NONE,
              1,
              () ->
                  Tamper.skips("master", "storage:3"::equals, r -> is(r, BodyCase.DELETE_OBJECTS))),
          new Mutant(
              "locks",
              "a mount locks without asking lockd",
              NONE,
              1,
              () ->
                  Tamper.answers(
                      "mount", to -> true, r -> is(r, BodyCase.SET_LOCK), Mutants::locked)));

  static final List<ByTest> BY_TEST =
      List.of(
          new ByTest(
              "I2",
              "AFR before its fix: a lock that nobody owns and no timer watches",
              replication("eagerlock/EagerLockTest"),
              "afrBeforeItsFixBreaksTheInvariantInTheThirdStep"),
          new ByTest(
              "I5",
              "bytes whose sync failed are believed in a later run",
              "simulation/src/test/java/io/lockstep/simulation/cluster/FailedSyncTest.java",
              "forgettingAFailedSyncIsCaught"),
          new ByTest(
              "I4",
              "a member that is being healed answers reads",
              replication("server/MutantsTest"),
              "readOfAMemberThatIsBeingHealedIsCaught"),
          new ByTest(
              "I6",
              "verify judges a replica that is being created",
              replication("registry/VerifyInterleavingsTest"),
              "judgingWhatIsBeingCreatedIsCaught"),
          new ByTest(
              "P1",
              "a file of a set that was away when the term began is granted unsettled",
              "lockd/src/test/java/io/lockstep/lockd/lease/LeaseTableTest.java",
              "grantingWhatWasNotSweptIsCaught"),
          new ByTest(
              "I7",
              "a creation is repeated unchanged after the same failure",
              replication("registry/RegistryMutantTest"),
              "repeatingWhatFailedIsCaught"),
          new ByTest(
              "I7",
              "a creation begins anew instead of finishing or using what is there",
              replication("registry/RegistryMutantTest"),
              "creatingWhatIsBeingMadeIsCaught"),
          new ByTest(
              "I7",
              "what is on the disk at the start is forgotten",
              replication("registry/RegistryMutantTest"),
              "forgettingTheDiskIsCaught"),
          new ByTest(
              "P2",
              "a dirty mark is cleared without the marks for the absent",
              replication("server/MutantsTest"),
              "clearingWithoutThePendingMarkIsCaught"),
          new ByTest(
              "P2",
              "a copy that was healed does not speak for those who are still away",
              replication("server/MutantsTest"),
              "healWithoutThePendingMarksOfTheSourceIsCaught"),
          new ByTest(
              "P3",
              "the master takes a new run of a member for in step",
              "metadata/src/test/java/io/lockstep/metadata/catalogue/KeeperMutantTest.java",
              "everyMutantIsKilled"),
          new ByTest(
              "P4",
              "a lease id that has ended is granted",
              "lockd/src/test/java/io/lockstep/lockd/lease/LeaseMutantTest.java",
              "everyMutantIsKilled"),
          new ByTest(
              "P5",
              "a session that has ended is granted leases",
              "lockd/src/test/java/io/lockstep/lockd/lease/LeaseMutantTest.java",
              "everyMutantIsKilled"),
          new ByTest(
              "P7",
              "a clear removes whatever mark there is",
              replication("server/MutantsTest"),
              "clearingAnyCycleIsCaught"),
          new ByTest(
              "P9",
              "heal begins, and ends, without the barrier; one with pending marks left is in step",
              "metadata/src/test/java/io/lockstep/metadata/catalogue/KeeperMutantTest.java",
              "everyMutantIsKilled"),
          new ByTest(
              "P10",
              "heal overwrites what clients wrote meanwhile",
              replication("server/MutantsTest"),
              "healThatOverwritesClientsIsCaught"),
          new ByTest(
              "P11",
              "a newer connection does not wait for what came over older ones",
              "wire/src/test/java/io/lockstep/wire/netty/SessionLinesTest.java",
              "theMutantThatDoesNotWaitIsNoticed"),
          new ByTest(
              "P14",
              "a change is answered before others have let go",
              "lockd/src/test/java/io/lockstep/lockd/lease/NameLeasesTest.java",
              "mutantThatAnswersBeforeTheRecallIsAnsweredIsCaught"),
          new ByTest(
              "P14",
              "a grant is believed after the recall that has overtaken it",
              "fs/src/test/java/io/lockstep/fs/vfs/NameCacheTest.java",
              "mutantThatTakesAGrantAfterItsRecallIsCaught"),
          new ByTest(
              "locks",
              "seven decisions of the table of file locks",
              "lockd/src/test/java/io/lockstep/lockd/posix/FileLockFuzzTest.java",
              "everyMutantIsKilled"));

  private Mutants() {}

  private static String replication(String test) {
    return "replication/src/test/java/io/lockstep/replication/" + test + ".java";
  }

  private static boolean is(Request request, BodyCase kind) {
    return request.getBodyCase() == kind;
  }

  private static Variants lockd(LeaseRules rules) {
    return Variants.production()
        .withLockd(
            (master, epochOf, agent, times) ->
                new LockdServer(master, epochOf, agent, times, LeaseLimits.of(times), () -> rules));
  }

  private static Variants sameTerm() {
    return Variants.production()
        .withLockd(
            (master, epochOf, agent, times) ->
                new LockdServer(Tamper.hears(master, Mutants::withTermOne), epochOf, agent, times));
  }

  private static Reply withTermOne(Reply reply) {
    return reply.hasStartLockd()
        ? reply.toBuilder().setStartLockd(reply.getStartLockd().toBuilder().setTerm(1)).build()
        : reply;
  }

  /** So that each run is the first. */
  private static void withoutIncarnation(Path directory) {
    try {
      Files.deleteIfExists(directory.resolve("incarnation"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Request withoutAbsent(Request request) {
    Request.Builder changed = request.toBuilder();
    switch (request.getBodyCase()) {
      case WRITE_OBJECT -> changed.getWriteObjectBuilder().getContextBuilder().clearAbsent();
      case TRUNCATE_OBJECT -> changed.getTruncateObjectBuilder().getContextBuilder().clearAbsent();
      case PRE_OP -> changed.getPreOpBuilder().getContextBuilder().clearAbsent();
      case CLEAR_DIRTY -> changed.getClearDirtyBuilder().clearAbsent();
      default -> {
        return request;
      }
    }
    return changed.build();
  }

  /** What the lockd of a late term would say: executed behind everything before. */
  private static Reply locked(Request request) {
    return Reply.newBuilder()
        .setSetLock(
            SetLockReply.newBuilder()
                .setLockdTerm(1L << 40)
                .setPosition(request.getSetLock().getOperation()))
        .build();
  }

  private static Request notExclusive(Request request) {
    Request.Builder changed = request.toBuilder();
    if (request.hasCreateInode() && request.getCreateInode().getOpen()) {
      changed.getCreateInodeBuilder().setExistingOk(true);
    }
    return changed.build();
  }

  private static Times longLease() {
    Times usual = Times.DEFAULT;
    return new Times(
        usual.memberCallNs(),
        usual.renewalNs(),
        3 * usual.leaseLifeNs(),
        usual.graceNs(),
        usual.operationNs());
  }

  private static final class AdmitsOlderToken extends MarkRules {
    @Override
    protected boolean isFenced(ObjectMarks marks, Token token) {
      return false;
    }
  }

  private static final class CondemnsAnybody extends KeeperRules {
    @Override
    protected boolean mayCondemn(int readersLeft, int minReplicas, boolean heard) {
      return readersLeft >= 1;
    }
  }

  /** Immutable. A log whose states are given to readers in another way. */
  private static final class States implements ReplicatedLog {
    private final ReplicatedLog log;
    private final UnaryOperator<KvStore.Snapshot> change;

    States(ReplicatedLog log, UnaryOperator<KvStore.Snapshot> change) {
      this.log = log;
      this.change = change;
    }

    @Override
    public KvStore.Snapshot snapshot() {
      KvStore.Snapshot state = log.snapshot();
      return state == null ? null : change.apply(state);
    }

    @Override
    public long cluster() {
      return log.cluster();
    }

    @Override
    public void start() throws IOException {
      log.start();
    }

    @Override
    public long appliedIndex() {
      return log.appliedIndex();
    }

    @Override
    public void propose(LogEntry entry, Handler handler) {
      log.propose(entry, handler);
    }

    @Override
    public void close() throws IOException {
      log.close();
    }
  }

  /** Immutable. Is never given back. */
  private record Kept(KvStore.Snapshot state) implements KvStore.Snapshot {
    @Override
    public byte[] get(byte[] key) {
      return state.get(key);
    }

    @Override
    public void scan(byte[] from, byte[] to, KvReader.Visitor visitor) {
      state.scan(from, to, visitor);
    }

    @Override
    public void close() {}
  }

  /** Immutable. Is given back after the first look. */
  private record ClosedEarly(KvStore.Snapshot state) implements KvStore.Snapshot {
    @Override
    public byte[] get(byte[] key) {
      byte[] value = state.get(key);
      state.close();
      return value;
    }

    @Override
    public void scan(byte[] from, byte[] to, KvReader.Visitor visitor) {
      state.scan(from, to, visitor);
      state.close();
    }

    @Override
    public void close() {
      state.close();
    }
  }

  /** Confined as the rows behind it are. */
  private static final class UnsyncedRows implements RowStore {
    private final RowStore rows;

    UnsyncedRows(RowStore rows) {
      this.rows = rows;
    }

    @Override
    public void write(Batch batch, boolean sync) throws IOException {
      rows.write(batch, false);
    }

    @Override
    public Batch newBatch() {
      return rows.newBatch();
    }

    @Override
    public byte[] get(byte[] key) throws IOException {
      return rows.get(key);
    }

    @Override
    public void scan(byte[] from, byte[] to, RowStore.Visitor visitor) throws IOException, Outcome {
      rows.scan(from, to, visitor);
    }

    @Override
    public void close() {
      rows.close();
    }
  }
}
