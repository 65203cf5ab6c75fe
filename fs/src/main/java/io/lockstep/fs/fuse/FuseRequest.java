package io.lockstep.fs.fuse;

import com.google.protobuf.ByteString;
import com.kenai.jffi.MemoryIO;
import io.lockstep.core.Check;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Confined to one FUSE thread. The memory of one request and its reply: the kernel's message as it
 * was received, and room for what the reply functions take.
 *
 * <pre>
 *   struct fuse_in_header: length 4 | opcode 4 | unique 8 | node 8 | uid 4 | gid 4 | pid 4 | pad 4
 * </pre>
 *
 * Names and bytes to be written are read where they lie in the message.
 */
final class FuseRequest implements AutoCloseable {
  private static final MemoryIO MEMORY = MemoryIO.getInstance();
  private static final int OPCODE = 4;
  private static final int UID = 24;
  private static final int GID = 28;
  private static final int PID = 32;

  // Behind the header, by kind of request: what libfuse 2 does not hand on.
  private static final int INIT_FLAGS = 52;
  private static final int SETATTR_VALID = 40;
  private static final int SETATTR_KILLS = 1 << 11;
  private static final int OPEN_FLAGS = 44;
  private static final int OPEN_KILLS = 1;
  private static final int WRITE_FLAGS = 60;
  private static final int WRITE_KILLS = 1 << 2;

  // struct fuse_entry_param
  private static final int ENTRY_NODE = 0;
  private static final int ENTRY_STAT = 16;
  private static final int ENTRY_KEEP_ATTRIBUTES = ENTRY_STAT + StatLayout.STAT_BYTES;
  private static final int ENTRY_KEEP_NAME = ENTRY_KEEP_ATTRIBUTES + 8;
  private static final int ENTRY_BYTES = ENTRY_KEEP_NAME + 8;
  private static final int STRUCT_BYTES = 512;

  // struct fuse_file_info
  private static final int FILE_FLAGS = 0;
  private static final int FILE_BITS = 20;
  private static final int FILE_HANDLE = 24;
  private static final int FILE_LOCK_OWNER = 32;
  private static final byte BIT_DIRECT_IO = 1;

  /** What most replies fit into; more is taken when it is needed. */
  private static final int DATA_BYTES = 128 << 10;

  private final long structs = MEMORY.allocateMemory(STRUCT_BYTES, true);
  private final long request;
  private final int requestBytes;
  private final ByteBuffer requestBuffer;
  private long data;
  private ByteBuffer dataBuffer;
  private Caller caller = Caller.getDefaultInstance();

  FuseRequest(int requestBytes) {
    Check.that(ENTRY_BYTES <= STRUCT_BYTES, "an entry takes %d bytes", ENTRY_BYTES);
    this.requestBytes = requestBytes;
    this.request = MEMORY.allocateMemory(requestBytes, false);
    this.requestBuffer = MEMORY.newDirectByteBuffer(request, requestBytes);
    growData(DATA_BYTES);
  }

  private void growData(int sizeBytes) {
    this.data = MEMORY.allocateMemory(sizeBytes, false);
    this.dataBuffer = MEMORY.newDirectByteBuffer(data, sizeBytes).order(ByteOrder.nativeOrder());
  }

  long address() {
    return request;
  }

  int sizeBytes() {
    return requestBytes;
  }

  /** Bytes of the message that was received. */
  int length() {
    return MEMORY.getInt(request);
  }

  int opcode() {
    return MEMORY.getInt(request + OPCODE);
  }

  /** FUSE_INIT: what the kernel can do. */
  int offeredFlags() {
    return MEMORY.getInt(request + INIT_FLAGS);
  }

  /** FUSE_SETATTR by one who may not keep setuid and setgid. */
  boolean setattrKillsPrivileges() {
    return (MEMORY.getInt(request + SETATTR_VALID) & SETATTR_KILLS) != 0;
  }

  /** FUSE_OPEN that truncates, by one who may not keep setuid and setgid. */
  boolean openKillsPrivileges() {
    return (MEMORY.getInt(request + OPEN_FLAGS) & OPEN_KILLS) != 0;
  }

  /** FUSE_WRITE by one who may not keep setuid and setgid. */
  boolean writeKillsPrivileges() {
    return (MEMORY.getInt(request + WRITE_FLAGS) & WRITE_KILLS) != 0;
  }

  boolean isRoot() {
    return MEMORY.getInt(request + UID) == 0;
  }

  /** Who asks, without supplementary groups. */
  Caller caller() {
    int uid = MEMORY.getInt(request + UID);
    int gid = MEMORY.getInt(request + GID);
    if (caller.getUid() != uid || caller.getGid() != gid || caller.getGroupsCount() != 0) {
      caller = Caller.newBuilder().setUid(uid).setGid(gid).build();
    }
    return caller;
  }

  /** Who asks, with the groups that /proc names; costs a file read unless it is root. */
  Caller callerWithGroups() {
    Caller plain = caller();
    if (plain.getUid() == 0) {
      return plain;
    }
    return plain.toBuilder().addAllGroups(Groups.of(MEMORY.getInt(request + PID))).build();
  }

  /** The bytes up to the next zero. */
  ByteString name(long address) {
    int length = 0;
    int max = (int) (request + requestBytes - address);
    while (length < max && MEMORY.getByte(address + length) != 0) {
      length++;
    }
    return bytes(address, length);
  }

  ByteString bytes(long address, int sizeBytes) {
    return ByteString.copyFrom(view(address, sizeBytes));
  }

  /** The bytes where they are, until the reply. */
  ByteBuffer view(long address, int sizeBytes) {
    long at = address - request;
    Check.that(
        at >= 0 && sizeBytes >= 0 && at + sizeBytes <= requestBytes,
        "%d bytes at %d are not in the request",
        sizeBytes,
        at);
    return requestBuffer.slice((int) at, sizeBytes);
  }

  /** An empty buffer of this size, whose address is {@link #dataAddress}. */
  ByteBuffer data(int sizeBytes) {
    if (sizeBytes > dataBuffer.capacity()) {
      MEMORY.freeMemory(data);
      growData(Math.max(sizeBytes, InitReply.DATA_BYTES));
    }
    return dataBuffer.clear().limit(sizeBytes);
  }

  long dataAddress() {
    return data;
  }

  /**
   * A {@code struct fuse_entry_param}.
   *
   * @param keepNameSeconds how long the name may be kept
   * @param keepSeconds how long the attributes may be kept
   */
  long entry(long node, Attributes attributes, double keepNameSeconds, double keepSeconds) {
    MEMORY.putLong(structs + ENTRY_NODE, node);
    MEMORY.putDouble(structs + ENTRY_KEEP_ATTRIBUTES, keepSeconds);
    MEMORY.putDouble(structs + ENTRY_KEEP_NAME, keepNameSeconds);
    StatLayout.putStat(structs + ENTRY_STAT, attributes);
    return structs;
  }

  long stat(Attributes attributes) {
    StatLayout.putStat(structs + ENTRY_STAT, attributes);
    return structs + ENTRY_STAT;
  }

  /** The process that asks. */
  int pid() {
    return MEMORY.getInt(request + PID);
  }

  /** Of requests about locks, and when a descriptor is closed: whose locks. */
  static long lockOwner(long fileInfo) {
    return MEMORY.getLong(fileInfo + FILE_LOCK_OWNER);
  }

  static int flags(long fileInfo) {
    return MEMORY.getInt(fileInfo + FILE_FLAGS);
  }

  static long handle(long fileInfo) {
    return MEMORY.getLong(fileInfo + FILE_HANDLE);
  }

  /** jnr-fuse's own structure puts the bits of a file at 16, where the kernel never looks. */
  static void opened(long fileInfo, long handle, boolean direct) {
    MEMORY.putLong(fileInfo + FILE_HANDLE, handle);
    MEMORY.putByte(fileInfo + FILE_BITS, direct ? BIT_DIRECT_IO : 0);
  }

  @Override
  public void close() {
    MEMORY.freeMemory(structs);
    MEMORY.freeMemory(request);
    MEMORY.freeMemory(data);
  }
}
