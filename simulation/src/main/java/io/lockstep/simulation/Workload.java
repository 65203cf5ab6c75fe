package io.lockstep.simulation;

import io.lockstep.simulation.check.History;
import io.lockstep.simulation.cluster.Cluster;
import io.lockstep.simulation.cluster.MountNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Confined to the thread of the simulation and its fibers. Applications: each works on files and
 * names that all share, and writes down what it saw.
 */
final class Workload {
  private final Random random;
  private final History history;
  private final int operations;
  private final NameWork.Board names = new NameWork.Board();
  private final LockWork.Board locks = new LockWork.Board();
  private int begun;
  private int ended;
  private int failed;
  private int running;
  private int applications;
  private boolean stopped;

  Workload(Random random, History history, int operations) {
    this.random = random;
    this.history = history;
    this.operations = operations;
  }

  History history() {
    return history;
  }

  /** Applications that live and have not ended. */
  int running() {
    return running;
  }

  int ended() {
    return ended;
  }

  int failed() {
    return failed;
  }

  boolean isDone() {
    return begun >= operations || stopped;
  }

  /** Nothing new is begun. */
  void stop() {
    stopped = true;
  }

  void onBegin() {
    begun++;
  }

  void onEnd() {
    ended++;
  }

  void onFailure() {
    failed++;
  }

  /** Before anything goes wrong: makes the names. */
  void prepare(Cluster cluster) {
    boolean[] done = new boolean[1];
    start(
        cluster.mounts().get(0),
        app -> {
          new NameWork(app, names).prepare();
          new LockWork(app, locks, nextOwner()).prepare();
          done[0] = true;
        });
    cluster.await("the names to be made", 30, () -> done[0]);
  }

  /** At rest: reads everything once more, which must be what was promised. */
  void readAll(Cluster cluster, MountNode mount) {
    boolean[] done = new boolean[1];
    start(
        mount,
        app -> {
          new CellWork(app).readAll();
          new LogWork(app).readAll();
          new NameWork(app, names).readAll();
          done[0] = true;
        });
    cluster.await("everything to be read", 120, () -> done[0]);
  }

  /** Applications on a mount that has just come up; they end with it. */
  void begin(MountNode mount) {
    int count = 2 + random.nextInt(2);
    for (int i = 0; i < count; i++) {
      start(mount, app -> app.run(works(app)));
    }
  }

  private Application.Work[] works(Application app) {
    List<Application.Work> works = new ArrayList<>();
    // Cells twice: there most can go wrong.
    CellWork cells = new CellWork(app);
    works.add(cells);
    works.add(cells);
    works.add(new LogWork(app));
    works.add(new NameWork(app, names));
    works.add(new LockWork(app, locks, nextOwner()));
    // Applications differ: not all do everything.
    while (works.size() > 2 && random.nextInt(3) == 0) {
      works.remove(random.nextInt(works.size()));
    }
    return works.toArray(Application.Work[]::new);
  }

  private long nextOwner() {
    return ++applications;
  }

  private interface Task {
    void run(Application application);
  }

  private void start(MountNode mount, Task task) {
    String name = mount.host().name() + "#" + mount.run() + "." + ++applications;
    Random chance = new Random(random.nextLong());
    Application application = new Application(this, mount, name, chance);
    mount
        .fibers()
        .start(
            mount.host(),
            name,
            () -> {
              running++;
              try {
                task.run(application);
              } finally {
                running--;
              }
            });
  }
}
