/** What people run: the command line, the processes of a cluster, the quickstart. */
package io.lockstep.tools;
