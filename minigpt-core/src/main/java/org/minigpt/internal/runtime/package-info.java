/** Plans, their memory, and every work-around that the engine needs. */
package org.minigpt.internal.runtime;
