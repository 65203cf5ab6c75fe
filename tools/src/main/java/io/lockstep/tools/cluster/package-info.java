/**
 * How a command finds a cluster and asks it. Runs on the caller's thread; replies arrive on the
 * transport's.
 */
package io.lockstep.tools.cluster;
