/**
 * A whole cluster of production classes in the simulated world: one master with lockd, storage
 * daemons on simulated disks, mounts. Confined to the thread of the simulation.
 */
package io.lockstep.simulation.cluster;
