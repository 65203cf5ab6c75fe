package io.lockstep.replication.server;

import io.lockstep.replication.store.ObjectTable;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** Guarded by its adders. What a storage daemon counts since its start. */
public final class DaemonCounters {
  final ObjectTable.Counters objects = new ObjectTable.Counters();
  final LongAdder writes = new LongAdder();
  final LongAdder writeBytes = new LongAdder();
  final LongAdder reads = new LongAdder();
  final LongAdder readBytes = new LongAdder();
  final LongAdder syncs = new LongAdder();
  final LongAdder markCommits = new LongAdder();
  final LongAdder staleEpochs = new LongAdder();
  final LongAdder staleTokens = new LongAdder();
  final LongAdder busy = new LongAdder();
  final LongAdder badRequests = new LongAdder();
  final LongAdder healedObjects = new LongAdder();
  final LongAdder healedBytes = new LongAdder();
  final LongAdder settledObjects = new LongAdder();
  final LongAdder quarantined = new LongAdder();

  DaemonCounters() {}

  /** Name to value, for metrics and status. */
  public Map<String, Long> snapshot() {
    Map<String, Long> values = new LinkedHashMap<>();
    values.put("writes", writes.sum());
    values.put("write_bytes", writeBytes.sum());
    values.put("reads", reads.sum());
    values.put("read_bytes", readBytes.sum());
    values.put("syncs", syncs.sum());
    values.put("mark_commits", markCommits.sum());
    values.put("stale_epochs", staleEpochs.sum());
    values.put("stale_tokens", staleTokens.sum());
    values.put("busy", busy.sum());
    values.put("bad_requests", badRequests.sum());
    values.put("healed_objects", healedObjects.sum());
    values.put("healed_bytes", healedBytes.sum());
    values.put("settled_objects", settledObjects.sum());
    values.put("quarantined", quarantined.sum());
    values.put("corrupt_blocks", objects.corruptBlocks.sum());
    values.put("stopped_objects", objects.stoppedObjects.sum());
    values.put("open_files", objects.openFiles.sum());
    values.put("taken_ranges", objects.takenRanges.sum());
    return values;
  }
}
