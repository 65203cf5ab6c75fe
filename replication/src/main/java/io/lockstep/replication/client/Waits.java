package io.lockstep.replication.client;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The port to blocking: how a caller's thread waits. Tests on virtual time let it pass instead. */
public interface Waits {
  /** Waits until {@code future} is done, at most {@code timeoutNs}. False if it is not. */
  boolean await(CompletableFuture<?> future, long timeoutNs);

  /** Parks the thread; an interrupt is kept for the caller and does not end the wait. */
  Waits PARK =
      (future, timeoutNs) -> {
        boolean interrupted = false;
        long endNs = System.nanoTime() + timeoutNs;
        try {
          while (true) {
            try {
              future.get(endNs - System.nanoTime(), TimeUnit.NANOSECONDS);
              return true;
            } catch (InterruptedException e) {
              interrupted = true;
            } catch (ExecutionException e) {
              return true;
            } catch (TimeoutException e) {
              return false;
            }
          }
        } finally {
          if (interrupted) {
            Thread.currentThread().interrupt();
          }
        }
      };
}
