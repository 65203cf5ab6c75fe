package io.lockstep.simulation.world;

import io.lockstep.core.Check;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;

/**
 * Owned by the thread of the simulation, which waits while a fiber runs: exactly one of all threads
 * runs at any time. The threads of applications: they may block, in virtual time.
 */
public final class Fibers implements AutoCloseable {
  /** Ends the code of a fiber whose host has crashed. */
  private static final class Killed extends Error {
    private static final long serialVersionUID = 1;

    Killed() {
      super("the host of this fiber has crashed", null, false, false);
    }
  }

  /** One application thread. */
  public static final class Fiber {
    private final SimHost host;
    private final String name;
    private final Runnable body;
    private final Semaphore mayRun = new Semaphore(0);
    private long ticket;
    private boolean killed;
    private boolean ended;
    private Throwable failure;

    private Fiber(SimHost host, String name, Runnable body) {
      this.host = host;
      this.name = name;
      this.body = body;
    }

    public boolean isEnded() {
      return ended;
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private final ExecutorService threads =
      Executors.newCachedThreadPool(
          task -> {
            Thread thread = new Thread(task, "fiber");
            thread.setDaemon(true);
            return thread;
          });
  private final Semaphore yielded = new Semaphore(0);
  private final List<Fiber> alive = new ArrayList<>();
  private Fiber current;

  /** Begins a fiber, as an event of its host. */
  public Fiber start(SimHost host, String name, Runnable body) {
    Fiber fiber = new Fiber(host, name, body);
    host.after(0, name, () -> begin(fiber));
    return fiber;
  }

  private void begin(Fiber fiber) {
    alive.add(fiber);
    threads.execute(() -> run(fiber));
    resume(fiber);
  }

  private void run(Fiber fiber) {
    fiber.mayRun.acquireUninterruptibly();
    try {
      fiber.body.run();
    } catch (Killed e) {
      // As a killed process: nobody is told.
    } catch (RuntimeException | Error e) {
      fiber.failure = e;
    }
    fiber.ended = true;
    yielded.release();
  }

  /** Runs the fiber until it waits or ends; on the simulation's thread. */
  private void resume(Fiber fiber) {
    if (fiber.ended) {
      return;
    }
    Fiber before = current;
    current = fiber;
    fiber.mayRun.release();
    yielded.acquireUninterruptibly();
    current = before;
    if (fiber.ended) {
      alive.remove(fiber);
      rethrow(fiber.failure);
    }
  }

  private static void rethrow(Throwable failure) {
    if (failure instanceof Error error) {
      throw error;
    }
    if (failure instanceof RuntimeException exception) {
      throw exception;
    }
  }

  /** On a fiber: waits until {@code future} is done, at most so long. False if it is not. */
  public boolean await(CompletableFuture<?> future, long timeoutNs) {
    if (future.isDone()) {
      return true;
    }
    Fiber me = current;
    if (me == null) {
      throw new AssertionError("the simulation's own thread must not wait");
    }
    if (me.killed) {
      throw new Killed();
    }
    long ticket = ++me.ticket;
    var unused =
        future.whenComplete((value, failure) -> me.host.after(0, me.name, () -> wake(me, ticket)));
    me.host.after(me.host.realNs(timeoutNs), me.name, () -> wake(me, ticket));
    yielded.release();
    me.mayRun.acquireUninterruptibly();
    if (me.killed) {
      throw new Killed();
    }
    return future.isDone();
  }

  /** On a fiber. */
  public void sleep(long durationNs) {
    await(new CompletableFuture<>(), durationNs);
  }

  private void wake(Fiber fiber, long ticket) {
    if (fiber.ticket == ticket && !fiber.ended && !fiber.killed) {
      fiber.ticket++;
      resume(fiber);
    }
  }

  /** The host has crashed: its fibers end where they are. Not on a fiber. */
  public void kill(SimHost host) {
    Check.that(current == null, "%s ends a host", current);
    for (Fiber fiber : List.copyOf(alive)) {
      if (fiber.host == host) {
        fiber.killed = true;
        resume(fiber);
      }
    }
  }

  @Override
  public void close() {
    for (Fiber fiber : List.copyOf(alive)) {
      fiber.killed = true;
      try {
        resume(fiber);
      } catch (RuntimeException | Error e) {
        // The world is over; what fails while it is torn down says nothing.
      }
    }
    threads.shutdown();
  }
}
