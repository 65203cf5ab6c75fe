package io.lockstep.simulation.disk;

import io.lockstep.replication.store.RowStore;
import io.lockstep.simulation.world.SimHost;
import io.lockstep.simulation.world.VirtualTime;
import java.io.IOException;
import java.util.Random;

/** Confined to its test. The model on a simulated disk. */
class SimMedium implements RowMedium {
  private static final int WRITES = 20;

  final SimDisk disk;

  SimMedium() {
    VirtualTime time = new VirtualTime();
    this.disk = new SimDisk(time, new SimHost(time, "storage", new Random(1)), new Random(2));
  }

  @Override
  public RowStore open() {
    return disk.openRows();
  }

  @Override
  public void kill(RowStore run) {
    disk.onProcessEnded();
  }

  @Override
  public void losePower(RowStore run, Random random) {
    disk.onProcessEnded();
    disk.onPowerLost();
  }

  @Override
  public Failed failWrites(byte[] prefix) throws IOException {
    RowStore rows = open();
    Failed failed = RowMedium.writeUntilFailure(new FailsLater(rows), prefix, 1);
    kill(rows);
    return failed;
  }

  /** Confined to its test. Plans the failure of one write after some have succeeded. */
  private final class FailsLater extends OtherRows {
    private int writes;

    FailsLater(RowStore rows) {
      super(rows);
    }

    @Override
    public void write(Batch batch, boolean sync) throws IOException {
      if (++writes == WRITES) {
        disk.failRows(1);
      }
      rows.write(batch, sync);
    }
  }
}
