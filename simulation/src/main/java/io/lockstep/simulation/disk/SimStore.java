package io.lockstep.simulation.disk;

import java.nio.file.FileStore;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.attribute.FileStoreAttributeView;

/** Immutable. How much of a disk is free. */
final class SimStore extends FileStore {
  private final SimDisk disk;

  SimStore(SimDisk disk) {
    this.disk = disk;
  }

  @Override
  public String name() {
    return "sim";
  }

  @Override
  public String type() {
    return "sim";
  }

  @Override
  public boolean isReadOnly() {
    return false;
  }

  @Override
  public long getTotalSpace() {
    return disk.capacityBytes();
  }

  @Override
  public long getUsableSpace() {
    return disk.freeBytes();
  }

  @Override
  public long getUnallocatedSpace() {
    return disk.freeBytes();
  }

  @Override
  public boolean supportsFileAttributeView(Class<? extends FileAttributeView> type) {
    return false;
  }

  @Override
  public boolean supportsFileAttributeView(String name) {
    return name.equals("basic");
  }

  @Override
  public <V extends FileStoreAttributeView> V getFileStoreAttributeView(Class<V> type) {
    return null;
  }

  @Override
  public Object getAttribute(String attribute) {
    throw new UnsupportedOperationException();
  }
}
