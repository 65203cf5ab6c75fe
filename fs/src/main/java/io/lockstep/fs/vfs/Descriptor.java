package io.lockstep.fs.vfs;

/** Temporary. */
public final class Descriptor {}
