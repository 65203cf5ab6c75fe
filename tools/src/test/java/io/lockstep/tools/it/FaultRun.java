package io.lockstep.tools.it;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.fs.fuse.Posix;
import io.lockstep.tools.it.DiskFaults.Call;
import io.lockstep.tools.it.FaultPlan.Step;
import io.lockstep.tools.it.PrivateNetwork.Direction;
import io.lockstep.tools.it.PrivateNetwork.Fate;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * Confined to the thread of its cluster. Lets the faults of a plan happen one after the other while
 * a load works, waits for the recovery from each, and demands that each was felt.
 */
final class FaultRun {
  private static final int FELT_SECONDS = 30;
  private static final int PROGRESS_SECONDS = 30;
  private static final int READ_SECONDS = 60;

  /** So many operations show that the others go on. */
  private static final int PROGRESS = 60;

  private static final long LEASE_LIFE_MS = 10_000;

  private final FaultCluster faults;
  private final TestCluster cluster;
  private final LoadProcess load;
  private final List<String> report = new ArrayList<>();

  FaultRun(FaultCluster faults, LoadProcess load) {
    this.faults = faults;
    this.cluster = faults.cluster();
    this.load = load;
  }

  List<String> report() {
    return report;
  }

  /** What one fault did; what it should have done is checked as it happens. */
  private final class Account {
    private final Step step;
    private final int member;
    private final long startNs = System.nanoTime();
    private LoadProcess.Status before;
    private long healBytesBefore;
    private long feltMs = -1;
    private String note = "";

    Account(Step step) throws Exception {
      this.step = step;
      JsonNode row = faults.member(step.storage());
      this.member = row.path("member").asInt();
      this.healBytesBefore = row.path("healBytes").asLong();
    }

    /** Right before the fault begins: it must hit work that is on its way. */
    void begins() {
      cluster.eventually(
          step + ": work is in flight",
          PROGRESS_SECONDS,
          () -> {
            before = load.status();
            return before.inFlight() > 0;
          });
    }

    void note(String text) {
      note += (note.isEmpty() ? "" : ", ") + text;
    }

    /** The member is out of step by what happened. */
    void awaitFelt() {
      feltMs =
          cluster.eventually(
              step + ": the member turns ERR", FELT_SECONDS, () -> !mode().equals("RW"));
    }

    String mode() throws Exception {
      return cluster.mode(member);
    }

    /** The others go on. */
    void awaitProgress() throws IOException {
      long goal = load.status().done() + PROGRESS;
      cluster.eventually(
          step + ": the others go on", PROGRESS_SECONDS, () -> load.status().done() >= goal);
    }

    /** The end of the fault was before; everybody is in step again, and the heal had to work. */
    void recovered() throws Exception {
      LoadProcess.Status after = load.status();
      long cleanMs = faults.awaitClean(step.toString());
      if (step.fault().failsMember()) {
        JsonNode row = faults.member(step.storage());
        long bytes = row.path("healBytes").asLong();
        // A daemon that was started again counts from zero.
        long healed = bytes >= healBytesBefore ? bytes - healBytesBefore : bytes;
        if (healed == 0) {
          throw new AssertionError("INCONCLUSIVE: " + step + ": the heal moved nothing: " + row);
        }
        note("felt after " + feltMs + " ms");
        note(healed + " bytes healed");
      }
      report.add(
          String.format(
              Locale.ROOT,
              "%-36s %2d in flight, %4d done meanwhile, %3d failed, clean %5d ms after its end, %s;"
                  + " %.1f s",
              step,
              before.inFlight(),
              after.done() - before.done(),
              after.failed() - before.failed(),
              cleanMs,
              note,
              (System.nanoTime() - startNs) / 1e9));
      System.out.println(report.get(report.size() - 1));
    }
  }

  /** All of it. */
  void run(FaultPlan plan) throws Exception {
    for (Step step : plan.steps()) {
      run(step);
    }
  }

  private void run(Step step) throws Exception {
    Account account = new Account(step);
    switch (step.fault()) {
      case CUT -> cut(account, Direction.BOTH, Fate.LOST);
      case CUT_TO -> cut(account, Direction.TO, Fate.LOST);
      case CUT_FROM -> cut(account, Direction.FROM, Fate.LOST);
      case RESET -> cut(account, Direction.BOTH, Fate.RESET);
      case CUT_LINK -> cutLink(account);
      case SLOW -> slow(account);
      case KILL -> kill(account);
      case STOP, FREEZE -> stop(account);
      case WRITE_ERROR -> diskError(account, Call.WRITE, Posix.EIO, "/objects/");
      case SYNC_ERROR -> diskError(account, Call.SYNC, Posix.EIO, "/objects/");
      case READ_ERROR -> diskError(account, Call.READ, Posix.EIO, "/objects/");
      case NO_SPACE -> diskError(account, Call.WRITE, Posix.ENOSPC, "/objects/");
      case FULL_DISK -> fullDisk(account);
      case MASTER_KILL -> killMaster(account);
      case MOUNT_KILL -> killMount(account);
      case MOUNT_STOP -> stopMount(account);
      case POWER_CUT -> powerCut(account, List.of(step.mount()));
    }
    account.recovered();
  }

  // ---- network

  private void cut(Account account, Direction direction, Fate fate) throws Exception {
    int storage = account.step.storage();
    account.begins();
    faults.cutOff(storage, direction, fate);
    account.awaitFelt();
    account.awaitProgress();
    mended(account);
  }

  private void cutLink(Account account) throws Exception {
    account.begins();
    faults.cutLink(account.step.mount(), account.step.storage());
    account.awaitFelt();
    account.awaitProgress();
    mended(account);
  }

  private void mended(Account account) throws Exception {
    long packets = faults.mend();
    if (packets == 0) {
      throw new AssertionError("INCONCLUSIVE: " + account.step + ": no packet was stopped");
    }
    account.note(packets + " packets stopped");
  }

  private void slow(Account account) throws Exception {
    account.begins();
    faults.slowDown(account.step.storage());
    account.awaitProgress();
    long bytes = faults.speedUp(account.step.storage());
    if (bytes == 0) {
      throw new AssertionError("INCONCLUSIVE: " + account.step + ": nothing went through the pipe");
    }
    account.note(bytes + " bytes through the pipe");
  }

  // ---- processes

  private void kill(Account account) throws Exception {
    int storage = account.step.storage();
    account.begins();
    faults.kill(FaultCluster.storage(storage));
    account.awaitFelt();
    account.awaitProgress();
    faults.startStorage(storage);
  }

  private void stop(Account account) throws Exception {
    int storage = account.step.storage();
    boolean freezer = account.step.fault() == Fault.FREEZE;
    account.begins();
    if (freezer) {
      faults.freeze(storage);
    } else {
      cluster.freeze(FaultCluster.storage(storage));
    }
    account.awaitFelt();
    account.awaitProgress();
    if (freezer) {
      faults.thaw(storage);
    } else {
      cluster.resume(FaultCluster.storage(storage));
    }
  }

  private void killMaster(Account account) throws Exception {
    account.begins();
    faults.kill(TestCluster.MASTER);
    faults.restartMaster();
    account.awaitProgress();
  }

  private void killMount(Account account) throws Exception {
    int mount = account.step.mount();
    account.begins();
    cluster.kill(FaultCluster.mountRole(mount));
    load.mountDied(mount);
    faults.remount(mount);
    load.mountCame(mount);
    account.awaitProgress();
  }

  /** Longer than its leases live; what it still had is refused, and its descriptors are told. */
  private void stopMount(Account account) throws Exception {
    String role = FaultCluster.mountRole(account.step.mount());
    account.begins();
    cluster.freeze(role);
    long untilNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(LEASE_LIFE_MS + 2_000);
    cluster.eventually(
        "the leases of " + role + " are over", 20, () -> System.nanoTime() - untilNs > 0);
    account.awaitProgress();
    cluster.resume(role);
    account.awaitProgress();
  }

  // ---- disks

  private void diskError(Account account, Call call, int errno, String part) throws Exception {
    int storage = account.step.storage();
    DiskFaults disk = faults.diskFaults();
    account.begins();
    disk.begin(call, errno, faults.data(storage), part);
    if (account.step.fault().failsMember()) {
      account.awaitFelt();
    } else {
      cluster.eventually(account.step + ": a call failed", FELT_SECONDS, () -> disk.hits() > 0);
    }
    account.awaitProgress();
    long calls = disk.end();
    if (calls == 0) {
      throw new AssertionError("INCONCLUSIVE: " + account.step + ": no call failed");
    }
    account.note(calls + " calls failed");
    restartIfDead(account, storage);
  }

  /** A store that cannot be trusted any more ends its process, and somebody starts it again. */
  private void restartIfDead(Account account, int storage) throws Exception {
    if (!faults.runs(FaultCluster.storage(storage))) {
      faults.startStorage(storage);
      account.note("started again");
    }
  }

  private void fullDisk(Account account) throws Exception {
    int storage = account.step.storage();
    account.begins();
    faults.fillDisk(storage);
    account.awaitFelt();
    account.awaitProgress();
    faults.emptyDisk(storage);
    restartIfDead(account, storage);
  }

  // ---- power

  /**
   * All daemons lose power at one instant, and some mounts with them. Everything that was told to
   * be durable is read before anybody writes again; but for one file, whose disks lied.
   */
  private void powerCut(Account account, List<Integer> mountsThatDie) throws Exception {
    int liarMount = mountsThatDie.get(0);
    DiskFaults disk = faults.diskFaults();
    long inode = load.prepareLie(liarMount).orElseThrow();
    disk.begin(Call.SYNC, DiskFaults.NOTHING, cluster.top(), objectOf(inode));
    load.lie(liarMount);
    account.begins();
    faults.cutPower();
    load.hold();
    long lies = disk.end();
    for (int mount : mountsThatDie) {
      cluster.kill(FaultCluster.mountRole(mount));
      load.mountDied(mount);
    }
    load.blackout();
    faults.restorePower();
    for (int mount : mountsThatDie) {
      faults.remount(mount);
      load.mountCame(mount);
    }
    for (int i = 0; i < FaultCluster.MOUNTS; i++) {
      int mount = i;
      cluster.eventually(
          "everything can be read on mount " + mount, READ_SECONDS, () -> load.readAll(mount));
    }
    boolean caught = load.isLieCaught(liarMount);
    if (lies == 0 || !caught) {
      throw new AssertionError(
          "INCONCLUSIVE: " + lies + " syncs were no syncs, and that was not noticed");
    }
    load.letGo();
    account.note(
        account.before.durable() + " times told durable before, the lie was caught after " + lies);
    account.awaitProgress();
  }

  /** Part of the path of the object on each member. */
  private static String objectOf(long inode) {
    String name = String.format(Locale.ROOT, "%016x", inode);
    return "/objects/" + name.substring(name.length() - 2) + "/" + name + ".";
  }
}
