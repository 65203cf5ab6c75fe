package io.lockstep.tools.it;

import io.lockstep.tools.cluster.ClusterDirectory;
import io.lockstep.tools.process.ProcessRecords;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Confined to its test. The disks of a cluster, which can lose power all at once:
 *
 * <pre>
 *   TOP/host.img            XFS, which clones files
 *   TOP/host/disks.img      one file with a part for each daemon
 *   TOP/ROLE                ext4 on its part: the data of that daemon
 * </pre>
 *
 * <p>A copy by reflink is one call on one file, so it holds all disks at one instant. What the
 * daemons' filesystems had flushed is in it, and what lay dirty in memory is not.
 */
final class PowerDisks implements Closeable {
  private static final long PART_BYTES = 256L << 20;
  private static final long HOST_BYTES = 3L << 30;

  private final Path host;
  private final Path disks;
  private final ClusterDirectory directory;
  private final List<String> roles;
  private int cuts;

  /** Makes and mounts them. */
  PowerDisks(ClusterDirectory directory, List<String> roles) throws IOException {
    this.directory = directory;
    this.roles = List.copyOf(roles);
    this.host = directory.top().resolve("host");
    this.disks = host.resolve("disks.img");
    ProcessRecords records = directory.records();
    for (String role : roles) {
      records.mounting(directory.data(role));
      Files.createDirectories(directory.data(role));
    }
    // Unmounted in this order: the parts before what they lie on.
    records.mounting(host);
    Files.createDirectories(host);
    TestCluster.shell(
        "truncate -s $2 \"$1.img\"; mkfs.xfs -q -m reflink=1 \"$1.img\";"
            + " mount -o loop \"$1.img\" \"$1\"; truncate -s $3 \"$1/disks.img\"",
        host,
        HOST_BYTES,
        PART_BYTES * roles.size());
    for (int i = 0; i < roles.size(); i++) {
      TestCluster.shell(
          "mkfs.ext4 -q -F -m 0 -E offset=$2,nodiscard \"$1\" $3k",
          disks,
          PART_BYTES * i,
          PART_BYTES >> 10);
    }
    mountAll();
    for (String role : roles) {
      Files.deleteIfExists(directory.data(role).resolve("lost+found"));
    }
  }

  /** Nothing is flushed unless somebody asks for it. */
  private void mountAll() throws IOException {
    for (int i = 0; i < roles.size(); i++) {
      TestCluster.shell(
          "mount -o loop,offset=$2,sizelimit=$3,commit=600 \"$1\" \"$4\"",
          disks,
          PART_BYTES * i,
          PART_BYTES,
          directory.data(roles.get(i)));
    }
  }

  /** What is on all of them now, for {@link #restore}. */
  void copy() throws IOException {
    TestCluster.shell("cp --reflink=always \"$1\" \"$1.cut\"", disks);
  }

  /** After the last daemon has ended: the disks are what the copy holds. */
  void restore() throws IOException {
    unmountParts();
    Files.move(disks, host.resolve("disks.img." + ++cuts));
    Files.move(host.resolve("disks.img.cut"), disks);
    Files.delete(host.resolve("disks.img." + cuts));
    mountAll();
  }

  private void unmountParts() throws IOException {
    for (String role : roles) {
      TestCluster.shell("umount \"$1\"", directory.data(role));
    }
  }

  @Override
  public void close() throws IOException {
    List<Path> mounts = new ArrayList<>();
    roles.forEach(role -> mounts.add(directory.data(role)));
    mounts.add(host);
    TestCluster.shell(
        "for m in \"$@\"; do ! mountpoint -q \"$m\" || umount \"$m\"; done", mounts.toArray());
  }
}
